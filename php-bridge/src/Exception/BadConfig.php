<?php

declare(strict_types=1);

namespace Axle\Exception;

/** The configuration file is missing or says what it cannot say. */
final class BadConfig extends AxleException
{
}
