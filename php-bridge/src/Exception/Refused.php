<?php

declare(strict_types=1);

namespace Axle\Exception;

/** The sidecar said no: nothing has changed. `status` is its HTTP status, `reason` its error code (`rights_elsewhere`). */
final class Refused extends AxleException
{
    public function __construct(
        public readonly int $status,
        public readonly string $reason,
        string $message,
        public readonly ?int $retryAfterS = null,
    ) {
        parent::__construct($message);
    }
}
