<?php

declare(strict_types=1);

namespace Axle;

/** A change that is on disk. */
final class Change
{
    /**
     * @param string|null $id the sidecar's; null where it was away and the file was written
     * @param Amount $amount what was really credited or debited: a clamped debit may have taken less
     * @param int $at seconds since 1970
     * @param bool $isReplay this key had been carried out before, and has not been again
     */
    public function __construct(
        public readonly ?string $id,
        public readonly Amount $amount,
        public readonly Amount $balance,
        public readonly Amount $previous,
        public readonly int $at,
        public readonly bool $isReplay,
    ) {
    }

    /** @param array<string, mixed> $answer the sidecar's; null where it is no such answer */
    public static function ofAnswer(array $answer): ?self
    {
        $amount = self::amount($answer['amount'] ?? null);
        $balance = self::amount($answer['balance'] ?? null);
        $previous = self::amount($answer['previous_balance'] ?? null);
        if ($amount === null || $balance === null || $previous === null) {
            return null;
        }
        $at = is_numeric($answer['at'] ?? null) ? intdiv((int) $answer['at'], 1000) : time();
        $id = is_scalar($answer['id'] ?? null) ? (string) $answer['id'] : null;
        return new self($id, $amount, $balance, $previous, $at, ($answer['replayed'] ?? false) === true);
    }

    /** @param array{amount: string, balance: string, previous: string, at: int} $record */
    public static function ofRecord(array $record): self
    {
        [$amount, $balance, $previous] = array_map(Amount::of(...), [$record['amount'], $record['balance'], $record['previous']]);
        return new self(null, $amount, $balance, $previous, $record['at'], true);
    }

    /** @return array{amount: string, balance: string, previous: string, at: int} */
    public function record(): array
    {
        return [
            'amount' => (string) $this->amount,
            'balance' => (string) $this->balance,
            'previous' => (string) $this->previous,
            'at' => $this->at,
        ];
    }

    private static function amount(mixed $value): ?Amount
    {
        return is_string($value) || is_int($value) ? Amount::parse((string) $value) : null;
    }
}
