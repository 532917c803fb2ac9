<?php

declare(strict_types=1);

namespace Axle\Exception;

/** A file could not be written: the lock is held, or the disk says no. Nothing has changed. */
final class NotWritten extends AxleException
{
}
