<?php

declare(strict_types=1);

namespace Axle\Tests;

use Axle\Amount;
use Axle\Exception\BadInput;
use PHPUnit\Framework\TestCase;

final class AmountTest extends TestCase
{
    /** @dataProvider texts */
    public function testReadsNumberTextsExactly(string $text, ?string $amount): void
    {
        $parsed = Amount::parse($text);
        self::assertSame($amount, $parsed === null ? null : (string) $parsed);
    }

    public static function texts(): array
    {
        return [
            ['0', '0'], ['-0', '0'], ['-0.0', '0'], ['14582', '14582'], ['12.50', '12.5'], ['1e3', '1000'], ['1.5E-2', '0.015'],
            ['0.30000000000000004', '0.3'],
            // Half to even, as the daemon rounds.
            ['0.000000005', '0'], ['0.000000015', '0.00000002'], ['0.0000000051', '0.00000001'], ['-0.000000015', '-0.00000002'],
            ['999999999999999999.99999999', '999999999999999999.99999999'],
            ['1000000000000000000', null], ['999999999999999999.999999995', null], ['1e18', null], ['1e99', null],
            ['', null], [' 1', null], ["1\n", null], ['+1', null], ['.5', null], ['5.', null], ['01', null], ['0x1', null],
            ['1,5', null], ['NaN', null], ['1e100', null], [str_repeat('1', 65), null], ['{"coins":1}', null],
        ];
    }

    public function testAddsAndComparesLikeIntegersOfItsUnits(): void
    {
        mt_srand(4);
        for ($i = 0; $i < 2_000; $i++) {
            // Small and large, both signs: every carry, borrow and change of sign.
            $a = mt_rand(-(10 ** mt_rand(1, 17)), 10 ** mt_rand(1, 17));
            $b = mt_rand(-(10 ** mt_rand(1, 17)), 10 ** mt_rand(1, 17));
            $sum = self::ofUnits($a)->plus(self::ofUnits($b));
            self::assertSame((string) self::ofUnits($a + $b), (string) $sum, "$a + $b");
            self::assertSame($a <=> $b, self::ofUnits($a)->compare(self::ofUnits($b)), "$a <=> $b");
        }
    }

    public function testTakesWhatCallersHave(): void
    {
        self::assertSame('0.3', (string) Amount::of(0.1 + 0.2));
        self::assertSame('-20', (string) Amount::of(-20));
        self::assertSame('12.5', (string) Amount::of(' 12.5 '));
        foreach ([NAN, INF, 'twenty', '', 1e30] as $bad) {
            try {
                Amount::of($bad);
                self::fail((string) $bad . ' was taken for an amount');
            } catch (BadInput $error) {
                self::assertStringStartsWith('not an amount', $error->getMessage());
            }
        }
    }

    private static function ofUnits(int $units): Amount
    {
        return Amount::parse("{$units}e-8") ?? throw new \LogicException("$units");
    }
}
