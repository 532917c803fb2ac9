<?php

declare(strict_types=1);

namespace Axle;

use Axle\Exception\Unreadable;

/**
 * The content of a balance file, in whichever shape it has: the balance is a number, a string or `{"coins": n}`, times are
 * integers or ISO text, there are none, one or two lists of transactions. A change keeps everything else as it stands; only
 * where there is no list it begins one: by its entries Axle's guards know a purchase from an accident.
 */
final class BalanceText
{
    private const LISTS = ['recent_transactions', 'transactions'];

    private function __construct(private readonly Json $json, private readonly JsonObject $root)
    {
        $this->balance();
    }

    /** Throws Unreadable where the text shows no balance: that is not a balance of 0. */
    public static function parse(string $text): self
    {
        $json = Json::parse($text);
        return new self($json, $json->root instanceof JsonObject ? $json->root : throw new Unreadable('not an object'));
    }

    /** The file of a user who has none. */
    public static function born(string $user): self
    {
        $json = Json::emptyObject();
        $json->root->members = ['user_id' => $json->scalar($user), 'balance' => '0', 'last_updated' => '0'];
        return new self($json, $json->root);
    }

    public function balance(): Amount
    {
        $node = $this->isBox() ? $this->root->members['balance']->members['coins'] : $this->root->members['balance'] ?? null;
        return (is_string($node) ? Amount::parse(Json::stringOf($node) ?? $node) : null)
            ?? throw new Unreadable('no balance in it');
    }

    /** As the file has it: seconds since 1970 or ISO text. */
    public function lastUpdated(): int|string|null
    {
        $node = $this->root->members['last_updated'] ?? null;
        return Json::stringOf($node) ?? (is_string($node) && is_numeric($node) ? (int) $node : null);
    }

    public function apply(Transaction $transaction): void
    {
        $members = &$this->root->members;
        if ($this->isBox()) {
            $this->setAmount($members['balance']->members['coins'], $transaction->balance);
        } else {
            $this->setAmount($members['balance'], $transaction->balance);
        }
        if (isset($members['last_updated'])) {
            $members['last_updated'] = Moment::like($this->json, $members['last_updated'], $transaction->at);
        }
        foreach (['last_source' => $transaction->source, 'last_server' => $transaction->server] as $key => $value) {
            if (isset($members[$key])) {
                $members[$key] = $this->json->scalar($value);
            }
        }
        foreach ($this->lists() as $key) {
            $members[$key] = TransactionList::add($this->json, $key, $members[$key] ?? [], $transaction);
        }
    }

    public function text(): string
    {
        return $this->json->text();
    }

    /**
     * The keys of the lists that there are, or of the one to begin. A credit begins it too: what is spent later may be of
     * that credit, and entries explain a difference only if they tell all of it.
     *
     * @return list<string>
     */
    private function lists(): array
    {
        $members = $this->root->members;
        $lists = array_filter(self::LISTS, static fn (string $key): bool => is_array($members[$key] ?? null));
        $free = array_filter(self::LISTS, static fn (string $key): bool => !isset($members[$key]));
        return $lists === [] ? array_slice($free, 0, 1) : $lists;
    }

    private function isBox(): bool
    {
        $node = $this->root->members['balance'] ?? null;
        return $node instanceof JsonObject && is_string($node->members['coins'] ?? null);
    }

    private function setAmount(string &$node, Amount $amount): void
    {
        $node = Json::stringOf($node) === null ? (string) $amount : "\"$amount\"";
    }
}
