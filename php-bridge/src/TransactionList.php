<?php

declare(strict_types=1);

namespace Axle;

/**
 * A list of transactions as a balance file keeps it. Every writer of the sites has its own shape, order and cap, so a new
 * entry takes the keys of the newest one there is, goes to the end where that one is, and what is beyond the cap falls off
 * at the other end.
 */
final class TransactionList
{
    private const RECENT = ['amount', 'description', 'timestamp', 'date'];
    private const FULL = ['timestamp', 'type', 'old_balance', 'new_balance', 'change', 'description'];
    private const CAPS = [10, 50, 100];

    /**
     * @param list<JsonObject|array|string> $items
     * @return list<JsonObject|array|string>
     */
    public static function add(Json $json, string $key, array $items, Transaction $transaction): array
    {
        $isNewestLast = self::isNewestLast($items);
        $newest = $items === [] ? null : $items[$isNewestLast ? count($items) - 1 : 0];
        $like = $newest instanceof JsonObject ? $newest : self::emptyEntry($key);
        $cap = self::cap($like, count($items));
        $entry = self::entry($json, $like, $transaction);
        $items = $isNewestLast ? [...$items, $entry] : [$entry, ...$items];
        return $isNewestLast ? array_slice($items, -$cap) : array_slice($items, 0, $cap);
    }

    private static function emptyEntry(string $key): JsonObject
    {
        return new JsonObject(array_fill_keys($key === 'transactions' ? self::FULL : self::RECENT, '0'));
    }

    private static function entry(Json $json, JsonObject $like, Transaction $t): JsonObject
    {
        $isCredit = $t->amount->sign() > 0;
        $members = [];
        foreach ($like->members as $key => $old) {
            $text = match ((string) $key) {
                'amount', 'change', 'net_change' => $json->scalar($t->amount),
                'old_balance', 'previous_balance', 'balance_before' => $json->scalar($t->previous),
                'new_balance', 'balance', 'balance_after' => $json->scalar($t->balance),
                'type' => $json->scalar(match (Json::stringOf($old)) {
                    null, '', 'credit', 'debit' => $isCredit ? 'credit' : 'debit',
                    'earn', 'spend' => $isCredit ? 'earn' : 'spend',
                    default => $t->source,
                }),
                'description' => $json->scalar($t->description),
                'source' => $json->scalar($t->source),
                'server', 'server_id', 'site' => $json->scalar($t->server),
                'timestamp', 'time', 'created_at' => Moment::like($json, $old, $t->at),
                'date' => $json->scalar(gmdate('Y-m-d H:i:s', $t->at)),
                default => null,
            };
            if ($text !== null) {
                $members[$key] = is_string($old) && $old !== '' && $old[0] === '"' && is_numeric($text) ? "\"$text\"" : $text;
            }
        }
        return new JsonObject($members);
    }

    /** By the times of both ends; where they do not tell, by the sites' habit: only `ad_view` lists grow at their end. */
    private static function isNewestLast(array $items): bool
    {
        $first = self::time($items[0] ?? null);
        $last = self::time($items[count($items) - 1] ?? null);
        if ($first !== null && $last !== null && $first !== $last) {
            return $last > $first;
        }
        return ($items[0] ?? null) instanceof JsonObject && Json::stringOf($items[0]->members['type'] ?? null) === 'ad_view';
    }

    private static function time(JsonObject|array|string|null $item): ?int
    {
        $time = $item instanceof JsonObject ? $item->members['timestamp'] ?? $item->members['date'] ?? null : null;
        if (!is_string($time)) {
            return null;
        }
        return is_numeric(trim($time, '"')) ? (int) trim($time, '"') : (strtotime(Json::stringOf($time) ?? '') ?: null);
    }

    /** A list's writer is known by its entries; a list that is longer already has a greater cap. */
    private static function cap(JsonObject $like, int $size): int
    {
        $least = isset($like->members['type']) ? 10 : (isset($like->members['date']) ? 50 : 100);
        foreach (self::CAPS as $cap) {
            if ($cap >= $least && $size <= $cap) {
                return $cap;
            }
        }
        return $size;
    }
}
