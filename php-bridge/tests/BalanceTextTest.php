<?php

declare(strict_types=1);

namespace Axle\Tests;

use Axle\Amount;
use Axle\BalanceText;
use Axle\Exception\Unreadable;
use Axle\Json;
use Axle\Transaction;
use PHPUnit\Framework\TestCase;

/** The shapes of balance files, each changed by a credit of 20.5 at 2026-02-03 12:58:15. */
final class BalanceTextTest extends TestCase
{
    private const AT = 1_770_123_495;

    /** @dataProvider shapes */
    public function testI7AChangeKeepsShapeAndSpelling(string $before, string $after): void
    {
        self::assertSame($after, self::credited($before));
    }

    public static function shapes(): array
    {
        $pretty = static fn (array $value): string => (string) json_encode($value, JSON_PRETTY_PRINT);
        $old = ['amount' => 50, 'description' => 'a/b é', 'timestamp' => 1_770_000_000, 'date' => '2026-02-02 02:40:00'];
        $new = ['amount' => 20.5, 'description' => 'Faucet', 'timestamp' => self::AT, 'date' => '2026-02-03 12:58:15'];
        $e = ['monthly_totals' => ['2025-09' => ['total_bets' => 1]], 'last_rollup' => '2026-01-01'];
        $newFull = [
            'timestamp' => self::AT, 'type' => 'credit', 'old_balance' => 100, 'new_balance' => 120.5, 'change' => 20.5,
            'description' => 'Faucet',
        ];
        $oldFull = [
            'timestamp' => 1_770_000_000, 'type' => 'credit', 'old_balance' => 0, 'new_balance' => 10, 'change' => 10,
            'description' => 'x',
        ];
        $f = static fn (string $balance, string $time, string $more = ''): string =>
            '{"user_id":"30-x","username":"x","balance":{"coins":' . $balance . '},"last_updated":"' . $time . '"' . $more . '}';
        // Where there is no list, one is begun.
        $begun = ['recent_transactions' => [$new]];
        $first = ',"recent_transactions":[' . json_encode($new) . ']';
        $spaced = ', "recent_transactions": [{"amount": 20.5, "description": "Faucet", "timestamp": ' . self::AT
            . ', "date": "2026-02-03 12:58:15"}]';
        return [
            'A' => [
                $pretty(['user_id' => '1-a', 'balance' => 14582, 'last_updated' => 1]),
                $pretty(['user_id' => '1-a', 'balance' => 14602.5, 'last_updated' => self::AT] + $begun),
            ],
            'B' => [
                $pretty(['user_id' => '1-a', 'balance' => 1, 'last_updated' => 1, 'last_source' => 'x', 'last_server' => 'y']),
                $pretty([
                    'user_id' => '1-a', 'balance' => 21.5, 'last_updated' => self::AT, 'last_source' => 'faucet',
                    'last_server' => 'roflfaucet',
                ] + $begun),
            ],
            'C' => [
                $pretty(['balance' => 100, 'last_updated' => 1, 'recent_transactions' => [$old]]),
                $pretty(['balance' => 120.5, 'last_updated' => self::AT, 'recent_transactions' => [$new, $old]]),
            ],
            'C without entries' => [
                $pretty(['balance' => 100, 'last_updated' => 1, 'recent_transactions' => []]),
                $pretty(['balance' => 120.5, 'last_updated' => self::AT, 'recent_transactions' => [$new]]),
            ],
            'D' => [
                $pretty(['balance' => 100, 'transactions' => [$oldFull]]),
                $pretty(['balance' => 120.5, 'transactions' => [$newFull, $oldFull]]),
            ],
            'E, both lists' => [
                $pretty(['balance' => 100, 'recent_transactions' => [$old], 'transactions' => [$oldFull]] + $e),
                $pretty(['balance' => 120.5, 'recent_transactions' => [$new, $old], 'transactions' => [$newFull, $oldFull]] + $e),
            ],
            'F' => [$f('0', '2026-01-06T04:43:46+00:00'), $f('20.5', '2026-02-03T12:58:15+00:00', $first)],
            'F in a string, with Z' => [
                $f('"0.1"', '2026-01-06T04:43:46.123Z'),
                $f('"20.6"', '2026-02-03T12:58:15.000Z', $first),
            ],
            'by hand' => ['{"user_id": "999-test", "balance": 5000}', '{"user_id": "999-test", "balance": 5020.5' . $spaced . '}'],
            'by hand, last newline' => ["{\"a\": 1, \"balance\": 6000}\n", "{\"a\": 1, \"balance\": 6020.5$spaced}\n"],
            'a string' => ['{"balance":"12.25"}', '{"balance":"32.75"' . $first . '}'],
            "PHP's floats" => ['{"balance":0.30000000000000004}', '{"balance":20.8' . $first . '}'],
            'unknown fields' => [
                '{"a":1.0,"b":{},"c":[],"5":"\/\u00e9","balance":1e2,"d":12345678901234567890}',
                '{"a":1.0,"b":{},"c":[],"5":"\/\u00e9","balance":120.5,"d":12345678901234567890' . $first . '}',
            ],
            'what is no list' => [
                '{"balance":100,"recent_transactions":null}',
                '{"balance":120.5,"recent_transactions":null,"transactions":[' . json_encode($newFull) . ']}',
            ],
        ];
    }

    /** @dataProvider lists */
    public function testAListKeepsItsOrderAndItsCap(array $entries, bool $isNewestLast, int $size): void
    {
        $before = json_encode(['balance' => 100, 'recent_transactions' => $entries]);
        $after = json_decode(self::credited($before), true)['recent_transactions'];
        self::assertCount($size, $after);
        $new = $isNewestLast ? array_pop($after) : array_shift($after);
        self::assertSame([20.5, self::AT], [$new['amount'], $new['timestamp']]);
        self::assertSame(array_keys($entries[0]), array_keys($new));
        $kept = $isNewestLast ? array_slice($entries, -($size - 1)) : array_slice($entries, 0, $size - 1);
        self::assertSame($kept, $after);
    }

    public static function lists(): array
    {
        $entries = static fn (int $many, array $more): array => array_map(
            static fn (int $i): array => ['amount' => $i, 'timestamp' => self::AT - $i] + $more,
            range(1, $many),
        );
        return [
            'newest first, cap 100' => [$entries(100, []), false, 100],
            'newest last, cap 10' => [array_reverse($entries(10, ['type' => 'ad_view'])), true, 10],
            'one ad view' => [$entries(1, ['type' => 'ad_view']), true, 2],
            'newest first, cap 50' => [$entries(50, ['date' => '2026-02-02 02:40:00']), false, 50],
            'with date, longer than 50' => [$entries(60, ['date' => '2026-02-02 02:40:00']), false, 61],
            'longer than any cap' => [$entries(120, []), false, 120],
        ];
    }

    /** @dataProvider unreadable */
    public function testABalanceThatCannotBeReadIsNotZero(string $text): void
    {
        $this->expectException(Unreadable::class);
        BalanceText::parse($text);
    }

    public static function unreadable(): array
    {
        return array_map(static fn (string $text): array => [$text], [
            '', '{"balance":1', '{"user_id":"1-a"}', '{"balance":null}', '{"balance":true}', '{"balance":[]}', '{"balance":{}}',
            '{"balance":"many"}', '{"balance":{"coins":{"coins":1}}}', '[]', '5', "{\"balance\":1,\"x\":\"\xff\"}", 'null',
            '{"balance":1}{"balance":2}',
        ]);
    }

    public function testATreeIsPrintedAsItWasWritten(): void
    {
        $texts = [
            "{\n\t\"a\": [\n\t\t1,\n\t\t{}\n\t]\n}\n", '{"a": [1, 2], "b": {"c": "x"}}', '{"":1,"0":2,"-1":3}', '[]', '"x"', '-1.50',
            json_encode(['a' => "quote\" \\ \n", 'b' => [[], [1, [2]]], 'c' => ['x' => new \stdClass()]], JSON_PRETTY_PRINT),
        ];
        foreach ($texts as $text) {
            self::assertSame($text, Json::parse($text)->text());
        }
    }

    private static function credited(string $text): string
    {
        $content = BalanceText::parse($text);
        $amount = Amount::of('20.5');
        $previous = $content->balance();
        $content->apply(new Transaction(
            $amount,
            $previous,
            $previous->plus($amount),
            'faucet',
            'Faucet',
            'roflfaucet',
            self::AT,
        ));
        return $content->text();
    }
}
