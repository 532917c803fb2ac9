<?php

declare(strict_types=1);

namespace Axle\Exception;

/** A file is there and cannot be understood. Its balance is not 0: it is not known. */
final class Unreadable extends AxleException
{
}
