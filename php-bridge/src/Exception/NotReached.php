<?php

declare(strict_types=1);

namespace Axle\Exception;

/** The sidecar is away, and nothing of the request left this process: it has certainly not happened. */
final class NotReached extends AxleException
{
}
