<?php

declare(strict_types=1);

namespace Axle\Exception;

/** Everything that this package throws by itself. */
abstract class AxleException extends \RuntimeException
{
}
