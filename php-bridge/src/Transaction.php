<?php

declare(strict_types=1);

namespace Axle;

/** One change of a balance, as lists of transactions tell it. */
final class Transaction
{
    /** @param int $at seconds since 1970 */
    public function __construct(
        public readonly Amount $amount,
        public readonly Amount $previous,
        public readonly Amount $balance,
        public readonly string $source,
        public readonly string $description,
        public readonly string $server,
        public readonly int $at,
    ) {
    }
}
