<?php

declare(strict_types=1);

namespace Axle;

use Axle\Exception\BadInput;
use Axle\Exception\InsufficientFunds;
use Axle\Exception\NotReached;
use Axle\Exception\OutcomeUnknown;
use Axle\Exception\Refused;
use Axle\Exception\Unreadable;

/** Reads and changes balances: through the sidecar, and where that is away, in the file itself under the shared lock. */
final class Balances
{
    private const KEY = '/^[\x21-\x7e]{1,200}$/D';
    private const SOURCE = '/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/D';
    private const DESCRIPTION = '/^.{0,200}$/Dsu';

    private readonly Sidecar $sidecar;

    public function __construct(private readonly Config $config)
    {
        $this->sidecar = $config->client();
    }

    /** Throws Unreadable and BadInput. A balance that could not be read is never answered as 0. */
    public function get(string $user): Balance
    {
        UserName::check($user);
        try {
            $answer = $this->sidecar->ask('GET', '/v1/balances/' . rawurlencode($user));
            $amount = is_string($answer['balance'] ?? null) ? Amount::parse($answer['balance']) : null;
            if ($amount === null || !is_bool($answer['known'] ?? null)) {
                throw new OutcomeUnknown('the sidecar answered something else');
            }
            $ms = $answer['last_updated'] ?? null;
            return new Balance($user, $answer['known'] ? $amount : null, is_int($ms) ? intdiv($ms, 1000) : null);
        } catch (NotReached | OutcomeUnknown | Refused) {
            // The file says the same, as of when it was last written.
            $file = LiveFile::read($this->config->fileOf("balances/$user"), BalanceText::parse(...));
            return new Balance($user, $file->content?->balance(), $file->content?->lastUpdated());
        }
    }

    /**
     * Credits (positive) or debits (negative) and answers once it is on disk.
     *
     * `$key`: names this very operation; give the same again when you try it again. Without one, only the tries within this
     * call are known to be the same. `$clamp`: a debit takes what is there instead of being refused.
     *
     * Throws BadInput, InsufficientFunds, Refused, Unreadable, NotWritten, NotReached (nothing has changed), and
     * OutcomeUnknown (it may have: only a retry with the same key tells).
     */
    public function change(
        string $user,
        Amount|int|float|string $amount,
        string $source,
        string $description = '',
        ?string $key = null,
        bool $clamp = false,
    ): Change {
        UserName::check($user);
        $amount = Amount::of($amount);
        if ($amount->sign() === 0) {
            throw new BadInput('an amount of 0 changes nothing');
        }
        if (preg_match(self::SOURCE, $source) !== 1) {
            throw new BadInput('a source is a word of letters, digits, `_`, `.`, `:` and `-`, such as faucet');
        }
        if (preg_match(self::DESCRIPTION, $description) !== 1) {
            throw new BadInput('a description is UTF-8 of at most 200 characters');
        }
        if ($key !== null && preg_match(self::KEY, $key) !== 1) {
            throw new BadInput('an idempotency key has 1 to 200 visible ASCII characters');
        }
        $body = ['amount' => (string) $amount, 'source' => $source]
            + ($description === '' ? [] : ['description' => $description])
            + ($clamp && $amount->sign() < 0 ? ['clamp' => true] : []);
        // A key that nobody else knows cannot come back in another process.
        $journal = $key === null
            ? null
            : Journal::open($this->config->own() . '/bridge', $key, (string) json_encode([$user, $body]));
        $written = $journal?->written();
        if ($written !== null) {
            return Change::ofRecord($written);
        }
        return $this->viaSidecar($user, $body, $key ?? 'php-' . bin2hex(random_bytes(16)), $journal)
            ?? $this->inFile($user, $amount, $source, $description, $clamp, $journal);
    }

    /** Null where it is certain that the sidecar has not seen this key, now or before, and the file may be written. */
    private function viaSidecar(string $user, array $body, string $key, ?Journal $journal): ?Change
    {
        $journal?->markSent();
        try {
            $path = '/v1/balances/' . rawurlencode($user) . '/changes';
            $answer = $this->sidecar->ask('POST', $path, $body, ["Idempotency-Key: $key"]);
            return Change::ofAnswer($answer) ?? throw new OutcomeUnknown('the sidecar answered something else');
        } catch (NotReached $error) {
            if ($journal?->wasSent() ?? false) {
                throw new OutcomeUnknown('sent before, and now the sidecar is away: try again with the same key', 0, $error);
            }
            $journal?->markNone();
            $isDebit = $body['amount'][0] === '-';
            if ($this->config->withoutSidecar === 'nothing' || ($isDebit && $this->config->withoutSidecar === 'credits')) {
                throw $error;
            }
            return null;
        } catch (Refused | InsufficientFunds $error) {
            // What an earlier call came to is not known by this: then the record stays.
            if ($journal !== null && !$journal->wasSent()) {
                $journal->markNone();
            }
            throw $error;
        }
    }

    private function inFile(
        string $user,
        Amount $amount,
        string $source,
        string $description,
        bool $clamp,
        ?Journal $journal,
    ): Change {
        return (new FileChange($this->config, "balances/$user"))->run(
            BalanceText::parse(...),
            function (?BalanceText $content) use ($user, $amount, $source, $description, $clamp): array {
                $text = $content ?? BalanceText::born($user);
                $previous = $text->balance();
                $balance = $previous->plus($amount);
                if ($amount->sign() < 0 && $balance->sign() < 0) {
                    if (!$clamp) {
                        throw new InsufficientFunds($previous);
                    }
                    $balance = $previous->sign() > 0 ? Amount::zero() : $previous;
                    $amount = $balance->plus($previous->negated());
                }
                $at = time();
                $change = new Change(null, $amount, $balance, $previous, $at, false);
                if ($amount->sign() === 0) {
                    return [null, $change];
                }
                $text->apply(new Transaction(
                    $amount,
                    $previous,
                    $balance,
                    $source,
                    $description === '' ? $source : $description,
                    $this->config->site,
                    $at,
                ));
                return [$text->text(), $change];
            },
            $journal,
        );
    }
}
