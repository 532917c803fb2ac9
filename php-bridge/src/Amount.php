<?php

declare(strict_types=1);

namespace Axle;

use Axle\Exception\BadInput;

/**
 * An exact decimal with at most 8 places, computed on strings: no float ever holds money. The same rules as the daemon's:
 * more places are rounded half to even, because PHP itself writes 0.1 + 0.2 as 0.30000000000000004.
 */
final class Amount implements \Stringable
{
    public const SCALE = 8;
    /** 18 digits before the point, and the places. */
    private const DIGITS_MAX = 18 + self::SCALE;
    private const NUMBER = '/^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d{1,2}))?$/D';

    /** `$units`: the absolute value in units of 10^-8, without leading zeros. */
    private function __construct(private readonly bool $isNegative, private readonly string $units)
    {
    }

    /** The number in a JSON number text, or in a string; null where it is none that can be money. */
    public static function parse(string $text): ?self
    {
        if (strlen($text) > 64 || preg_match(self::NUMBER, $text, $part) !== 1) {
            return null;
        }
        $fraction = $part[3] ?? '';
        $shift = (int) ($part[4] ?? '0') - strlen($fraction) + self::SCALE;
        $units = self::shifted($part[2] . $fraction, $shift);
        return strlen($units) > self::DIGITS_MAX ? null : self::make($part[1] === '-', $units);
    }

    /** As `parse`, for what callers give; throws BadInput. */
    public static function of(int|float|string|self $value): self
    {
        if ($value instanceof self) {
            return $value;
        }
        $text = is_float($value) ? (string) json_encode($value, JSON_PARTIAL_OUTPUT_ON_ERROR) : trim((string) $value);
        return (is_float($value) && !is_finite($value) ? null : self::parse($text))
            ?? throw new BadInput("not an amount: $text");
    }

    public static function zero(): self
    {
        return new self(false, '0');
    }

    public function plus(self $other): self
    {
        if ($this->isNegative === $other->isNegative) {
            return self::make($this->isNegative, self::sum($this->units, $other->units));
        }
        return self::order($this->units, $other->units) >= 0
            ? self::make($this->isNegative, self::difference($this->units, $other->units))
            : self::make($other->isNegative, self::difference($other->units, $this->units));
    }

    public function negated(): self
    {
        return self::make(!$this->isNegative, $this->units);
    }

    /** Negative, zero or positive, as this is less than, equal to or greater than the other. */
    public function compare(self $other): int
    {
        return $this->plus($other->negated())->sign();
    }

    /** -1, 0 or 1. */
    public function sign(): int
    {
        return $this->units === '0' ? 0 : ($this->isNegative ? -1 : 1);
    }

    /** Plain decimal text without trailing zeros: also a valid JSON number. */
    public function __toString(): string
    {
        $digits = str_pad($this->units, self::SCALE + 1, '0', STR_PAD_LEFT);
        $fraction = rtrim(substr($digits, -self::SCALE), '0');
        return ($this->isNegative ? '-' : '') . substr($digits, 0, -self::SCALE) . ($fraction === '' ? '' : ".$fraction");
    }

    private static function make(bool $isNegative, string $units): self
    {
        return new self($isNegative && $units !== '0', $units);
    }

    /** `$digits` times ten to the `$shift`, rounded half to even. */
    private static function shifted(string $digits, int $shift): string
    {
        if ($shift >= 0) {
            return self::trimmed($digits . str_repeat('0', $shift));
        }
        $digits = str_pad($digits, 1 - $shift, '0', STR_PAD_LEFT);
        $kept = substr($digits, 0, $shift);
        $half = strcmp(substr($digits, $shift), str_pad('5', -$shift, '0'));
        $isOdd = (int) $kept[-1] % 2 === 1;
        return self::trimmed($half > 0 || ($half === 0 && $isOdd) ? self::sum($kept, '1') : $kept);
    }

    private static function sum(string $a, string $b): string
    {
        return self::columns($a, $b, 1);
    }

    /** `$a` must not be less than `$b`. */
    private static function difference(string $a, string $b): string
    {
        return self::columns($a, $b, -1);
    }

    private static function columns(string $a, string $b, int $factor): string
    {
        $length = max(strlen($a), strlen($b)) + 1;
        $a = str_pad($a, $length, '0', STR_PAD_LEFT);
        $b = str_pad($b, $length, '0', STR_PAD_LEFT);
        $carry = 0;
        for ($i = $length - 1; $i >= 0; $i--) {
            $column = (int) $a[$i] + $factor * (int) $b[$i] + $carry;
            $carry = $column > 9 ? 1 : ($column < 0 ? -1 : 0);
            $a[$i] = (string) ($column - 10 * $carry);
        }
        return self::trimmed($a);
    }

    private static function order(string $a, string $b): int
    {
        return strlen($a) <=> strlen($b) ?: strcmp($a, $b);
    }

    private static function trimmed(string $digits): string
    {
        $digits = ltrim($digits, '0');
        return $digits === '' ? '0' : $digits;
    }
}
