<?php

declare(strict_types=1);

namespace Axle\Tests;

use Axle\Amount;
use Axle\Change;
use Axle\Exception\BadInput;
use Axle\Exception\InsufficientFunds;
use Axle\Exception\NotReached;
use Axle\Exception\NotWritten;
use Axle\Exception\OutcomeUnknown;
use Axle\Exception\Refused;
use Axle\Exception\Unreadable;
use Axle\FileChange;
use Axle\Journal;
use Axle\LiveFile;
use Axle\Profiles;

/** What happens while nobody is at the sidecar's address. */
final class FallbackTest extends SiteTestCase
{
    public function testACreditIsWrittenToTheFile(): void
    {
        $file = $this->put('balances/1-andy', '{"user_id": "1-andy", "balance": 100}');
        chmod($file, 0664);
        $change = $this->balances()->change('1-andy', '20.5', 'faucet');
        self::assertSame(['20.5', '100', '120.5'], array_map('strval', [$change->amount, $change->previous, $change->balance]));
        self::assertStringStartsWith('{"user_id": "1-andy", "balance": 120.5, "recent_', $this->text('balances/1-andy'));
        self::assertSame(['1-andy.txt'], $this->names());
        clearstatcache();
        self::assertSame(0664, fileperms($file) & 07777);
        self::assertSame('120.5', (string) $this->balances()->get('1-andy')->amount);
    }

    public function testHazard12TheFileKeepsItsOwner(): void
    {
        $file = $this->put('balances/1-andy', '{"balance":1}');
        if (posix_getuid() !== 0) {
            self::markTestSkipped('only root can give files away');
        }
        chown($file, 33);
        chgrp($file, 33);
        $this->balances()->change('1-andy', 1, 'faucet');
        clearstatcache();
        self::assertSame([33, 33], [fileowner($file), filegroup($file)]);
    }

    public function testAnUnknownUserIsNotAUserWithNothing(): void
    {
        $balance = $this->balances()->get('1-andy');
        self::assertNull($balance->amount);
        self::assertSame([], $this->names(), 'a read made a file');
        $change = $this->balances()->change('1-andy', 5, 'faucet');
        self::assertSame('5', (string) $change->balance);
        self::assertStringStartsWith("{\n    \"user_id\": \"1-andy\",\n    \"balance\": 5,\n", $this->text('balances/1-andy'));
    }

    public function testDebits(): void
    {
        $this->put('balances/1-andy', '{"balance":10}');
        self::assertSame('7.5', (string) $this->balances()->change('1-andy', '-2.5', 'slots_bet')->balance);
        try {
            $this->balances()->change('1-andy', -8, 'slots_bet');
            self::fail('more was taken than there is');
        } catch (InsufficientFunds $error) {
            self::assertSame('7.5', (string) $error->balance);
        }
        self::assertSame('7.5', $this->amount());
        $change = $this->balances()->change('1-andy', -8, 'slots_bet', clamp: true);
        self::assertSame(['-7.5', '0'], [(string) $change->amount, (string) $change->balance]);
        self::assertSame('0', (string) $this->balances()->change('1-andy', -8, 'slots_bet', clamp: true)->amount);
        self::assertSame('0', $this->amount());
        // In the shape by which Axle's guards know them from an accident.
        $list = json_decode($this->text('balances/1-andy'), true)['recent_transactions'];
        self::assertSame([-7.5, -2.5], array_column($list, 'amount'));
        self::assertSame(['amount', 'description', 'timestamp', 'date'], array_keys($list[0]));
    }

    public function testWhatIsWrittenWithoutTheSidecarIsASetting(): void
    {
        $this->put('balances/1-andy', '{"balance":10}');
        $credits = $this->balances(['without_sidecar' => 'credits']);
        self::assertSame('11', (string) $credits->change('1-andy', 1, 'faucet')->balance);
        foreach ([[$credits, -1], [$this->balances(['without_sidecar' => 'nothing']), 1]] as [$balances, $amount]) {
            try {
                $balances->change('1-andy', $amount, 'faucet');
                self::fail('written');
            } catch (NotReached) {
                self::assertSame('11', $this->amount());
            }
        }
    }

    /** @dataProvider broken */
    public function testHazards3And13ABrokenFileIsAnErrorAndStaysAsItIs(string $text): void
    {
        $this->put('balances/1-andy', $text);
        foreach (['get', 'change'] as $verb) {
            try {
                $verb === 'get' ? $this->balances()->get('1-andy') : $this->balances()->change('1-andy', 1, 'faucet');
                self::fail("$verb took it for a balance");
            } catch (Unreadable) {
                self::assertSame($text, $this->text('balances/1-andy'));
            }
        }
        self::assertSame([], $this->names('.axle/locks'));
    }

    public static function broken(): array
    {
        return [[''], ['{"balance":14'], ['{"user_id":"1-andy"}'], ['{"balance":null}']];
    }

    /** @dataProvider unreachable */
    public function testHazard13AFolderThatCannotBeReachedIsNoUserWithNothing(string $how): void
    {
        $this->put('balances/1-andy', '{"balance":10}');
        $this->put('profiles/1-andy', '{"level":3}');
        $temp = $this->put('balances/.1-andy.txt.x.axle-tmp', '{"balance":15}');
        $this->journal('written')->markWriting($temp, ['amount' => '5', 'balance' => '15', 'previous' => '10', 'at' => 1]);
        chmod($this->userdata, 0777);
        array_map(static fn (string $folder): bool => chmod($folder, 0777), glob("{$this->userdata}/.axle/{,*,*/*,*/*/*}", GLOB_BRACE));
        foreach (['balances', 'profiles'] as $folder) {
            $folder = "{$this->userdata}/$folder";
            $how === 'missing' ? rename($folder, "$folder.elsewhere") : chmod($folder, 0);
        }
        $profiles = new Profiles($this->config());
        $tries = [
            fn () => $this->balances()->get('1-andy'),
            fn () => $this->balances()->change('1-andy', 5, 'faucet'),
            fn () => $this->balances()->change('1-andy', 5, 'faucet', key: 'written'),
            fn () => $profiles->get('1-andy'),
            fn () => $profiles->patch('1-andy', ['level' => 1]),
            fn () => $profiles->userNamed('andy'),
        ];
        $child = $this->fork(function () use ($tries): void {
            posix_getuid() === 0 && posix_setuid(65_534);
            foreach ($tries as $try) {
                try {
                    $said = json_encode($try());
                } catch (\Throwable $error) {
                    $said = $error::class;
                }
                file_put_contents("{$this->userdata}/said", "$said\n", FILE_APPEND);
            }
        });
        $this->join($child);
        $said = file("{$this->userdata}/said", FILE_IGNORE_NEW_LINES);
        array_map(static fn (string $folder): bool => chmod($folder, 0755), glob("{$this->userdata}/{balances,profiles}*", GLOB_BRACE));
        self::assertSame(array_fill(0, count($tries), Unreadable::class), $said);
    }

    public static function unreachable(): array
    {
        return [['missing'], ['forbidden']];
    }

    public function testATornFileIsLookedAtAgain(): void
    {
        $file = $this->put('balances/1-andy', '');
        $writer = $this->fork(static function () use ($file): void {
            usleep(40_000);
            file_put_contents($file, '{"balance":10}');
        });
        self::assertSame('11', (string) $this->balances()->change('1-andy', 1, 'faucet')->balance);
        $this->join($writer);
    }

    public function testAFileThatIsBeingSavedByRenamingIsWaitedFor(): void
    {
        $file = $this->put('balances/.saving', '{"balance":10}');
        $writer = $this->fork(static function () use ($file): void {
            usleep(100_000);
            rename($file, dirname($file) . '/1-andy.txt');
        });
        self::assertSame('11', (string) $this->balances()->change('1-andy', 1, 'faucet')->balance);
        $this->join($writer);
    }

    public function testASymbolicLinkIsNotFollowed(): void
    {
        $this->put('balances/2-real', '{"balance":10}');
        symlink("{$this->userdata}/balances/2-real.txt", "{$this->userdata}/balances/1-andy.txt");
        $this->expectException(Unreadable::class);
        $this->balances()->change('1-andy', 1, 'faucet');
    }

    public function testI5ALockThatIsLostBeforeTheFileIsReplacedLeavesItAlone(): void
    {
        $this->put('balances/1-andy', '{"balance":10}');
        $result = new Change(null, Amount::of(5), Amount::of(15), Amount::of(10), 1, false);
        // As a writer does that mistook the lock for an old one a moment ago.
        $steal = function () use ($result): array {
            [$lock] = glob("{$this->userdata}/.axle/locks/*");
            rmdir($lock);
            mkdir($lock);
            return ['{"balance":15}', $result];
        };
        try {
            $parse = static fn (string $text): string => $text;
            (new FileChange($this->config(), 'balances/1-andy'))->run($parse, $steal, $this->journal('one'));
            self::fail('written without the lock');
        } catch (NotWritten) {
            self::assertSame(['{"balance":10}', ['1-andy.txt']], [$this->text('balances/1-andy'), $this->names()]);
            self::assertCount(1, $this->names('.axle/locks'), "another's lock was released");
        }
        rmdir(glob("{$this->userdata}/.axle/locks/*")[0]);
        self::assertSame('15', (string) $this->balances()->change('1-andy', 5, 'faucet', key: 'one')->balance);
    }

    public function testAWriterWithoutTheLockIsNotOverwritten(): void
    {
        $file = $this->put('balances/1-andy', '{"balance":10}');
        $looks = 0;
        $edit = function (string $text) use ($file, &$looks): array {
            // Same size, same second.
            if (++$looks === 1) {
                file_put_contents($file, '{"balance":20}');
            }
            return [str_replace('0}', '5}', $text), null];
        };
        (new FileChange($this->config(), 'balances/1-andy'))->run(static fn (string $text): string => $text, $edit);
        self::assertSame(['{"balance":25}', 2], [$this->text('balances/1-andy'), $looks]);
    }

    public function testAFileThatAppearsIsNotOverwritten(): void
    {
        $edit = function (?string $text): array {
            if ($text === null) {
                $this->put('balances/1-andy', '{"balance":20}');
            }
            return [$text ?? '{"balance":5}', null];
        };
        (new FileChange($this->config(), 'balances/1-andy'))->run(static fn (string $text): string => $text, $edit);
        self::assertSame('{"balance":20}', $this->text('balances/1-andy'));
    }

    /** @dataProvider badUsers */
    public function testHazards6And11NoNameLeavesItsFolder(string $user): void
    {
        $this->expectException(BadInput::class);
        $this->balances()->change($user, 1, 'faucet');
    }

    public static function badUsers(): array
    {
        return array_map(static fn (string $user): array => [$user], [
            '', '.', '..', '../balances/1-andy', '1-a/b', '.axle', '-rf', "1-a\0", "1-a\n", '1-é', '1-a b', '1-a%2fb',
            '1-a.sync-conflict-20260101', '1-a_sync-conflict-20260101', '1-a.backup', str_repeat('1', 252),
        ]);
    }

    /** @dataProvider badChanges */
    public function testWhatCanNeverBeCarriedOutIsRefusedAtOnce(string $amount, string $source, ?string $key): void
    {
        $this->expectException(BadInput::class);
        $this->balances()->change('1-andy', $amount, $source, key: $key);
    }

    public static function badChanges(): array
    {
        return [
            ['0', 'x', null], ['x', 'x', null], ['1', '', null], ['1', "\xff", null], ['1', str_repeat('x', 65), null],
            ['1', 'x', ''], ['1', 'x', "a\nb"], ['1', 'x', str_repeat('k', 201)],
        ];
    }

    public function testAKeyIsCarriedOutOnce(): void
    {
        $this->put('balances/1-andy', '{"balance":10}');
        $first = $this->balances()->change('1-andy', 5, 'faucet', key: 'one');
        $second = $this->balances()->change('1-andy', 5, 'faucet', key: 'one');
        self::assertSame(['15', false], [(string) $first->balance, $first->isReplay]);
        self::assertSame(['15', true], [(string) $second->balance, $second->isReplay]);
        self::assertSame('15', $this->amount());
        try {
            $this->balances()->change('1-andy', 6, 'faucet', key: 'one');
            self::fail('one key stood for two requests');
        } catch (Refused $error) {
            self::assertSame([422, 'idempotency_key_reused'], [$error->status, $error->reason]);
        }
    }

    public function testAKeyThatManyUseAtOnceIsCarriedOutOnce(): void
    {
        $this->put('balances/1-andy', '{"balance":10}');
        $others = [];
        for ($i = 0; $i < 6; $i++) {
            $others[] = $this->fork(fn () => $this->balances()->change('1-andy', 5, 'faucet', key: 'one'));
        }
        array_map($this->join(...), $others);
        self::assertSame('15', $this->amount());
    }

    public function testAKeyThatWasSentIsNeverWrittenToTheFile(): void
    {
        $this->put('balances/1-andy', '{"balance":10}');
        $this->journal('one')->markSent();
        $this->expectException(OutcomeUnknown::class);
        try {
            $this->balances()->change('1-andy', 5, 'faucet', key: 'one');
        } finally {
            self::assertSame('{"balance":10}', $this->text('balances/1-andy'));
        }
    }

    public function testWhatWasSentIsRememberedInOneFileADay(): void
    {
        $this->put('balances/1-andy', '{"balance":10}');
        $this->journal('one')->markSent();
        $this->balances()->change('1-andy', 5, 'faucet', key: 'two');
        $count = fn (): int => count(glob("{$this->userdata}/.axle/bridge/*/*"));
        $gather = fn (int $now) => array_map(
            static fn (string $shard) => Journal::gather($shard, $now),
            glob("{$this->userdata}/.axle/bridge/*"),
        );
        $gather(time());
        self::assertSame([], glob("{$this->userdata}/.axle/bridge/*/sent-*"), 'gathered too early');
        $gather(time() + 601);
        self::assertCount(1, glob("{$this->userdata}/.axle/bridge/*/sent-*"));
        self::assertSame(2, $count());
        try {
            $this->balances()->change('1-andy', 5, 'faucet', key: 'one');
            self::fail('what had been sent was written');
        } catch (OutcomeUnknown) {
        }
        self::assertTrue($this->balances()->change('1-andy', 5, 'faucet', key: 'two')->isReplay);
        self::assertSame('15', $this->amount());
        // The retry made a record of its own; all are gone when nobody can ask again.
        $gather(time() + 32 * 86_400);
        $gather(time() + 64 * 86_400);
        self::assertSame(0, $count());
    }

    public function testADamagedRecordMayHaveSaidThatItWasSent(): void
    {
        $this->journal('one')->markSent();
        file_put_contents(glob("{$this->userdata}/.axle/bridge/*/*")[0], '{"requ');
        self::assertTrue($this->journal('one')->wasSent());
    }

    public function testAProcessThatDiedBeforeReplacingTheFileHasNotPaid(): void
    {
        $this->put('balances/1-andy', '{"balance":10}');
        $temp = $this->put('balances/.1-andy.txt.x.axle-tmp', '{"balance":15}');
        $this->journal('one')->markWriting($temp, ['amount' => '5', 'balance' => '15', 'previous' => '10', 'at' => 1]);
        $change = $this->balances()->change('1-andy', 5, 'faucet', key: 'one');
        self::assertSame(['15', false], [(string) $change->balance, $change->isReplay]);
        self::assertSame(['15', ['1-andy.txt']], [$this->amount(), $this->names()]);
    }

    public function testAProcessThatDiedAfterReplacingTheFileHasPaid(): void
    {
        $this->put('balances/1-andy', '{"balance":15}');
        $result = ['amount' => '5', 'balance' => '15', 'previous' => '10', 'at' => 1];
        $this->journal('one')->markWriting("{$this->userdata}/balances/.gone.axle-tmp", $result);
        // A new file is linked into place; this one was not removed afterwards.
        $temp = $this->put('balances/.2-new.txt.x.axle-tmp', '{"balance":5}');
        link($temp, "{$this->userdata}/balances/2-new.txt");
        $this->journal('two', '2-new')->markWriting($temp, ['balance' => '5', 'previous' => '0'] + $result);

        self::assertTrue($this->balances()->change('1-andy', 5, 'faucet', key: 'one')->isReplay);
        self::assertTrue($this->balances()->change('2-new', 5, 'faucet', key: 'two')->isReplay);
        self::assertSame(['{"balance":15}', '{"balance":5}'], [$this->text('balances/1-andy'), $this->text('balances/2-new')]);
        self::assertSame(['1-andy.txt', '2-new.txt'], $this->names());
    }

    public function testWhatADeadProcessPreparedIsRemovedWhenNobodyCanAskForItAnyMore(): void
    {
        $this->put('balances/1-andy', '{"balance":10}');
        $temp = "{$this->userdata}/balances/.1-andy.txt.x.axle-tmp";
        file_put_contents($temp, '{"balance":15}');
        $this->journal('one')->markWriting($temp, ['amount' => '5', 'balance' => '15', 'previous' => '10', 'at' => 1]);
        $files = [];
        foreach (['.2-bob.txt.a.axle-tmp' => 33, '.2-bob.txt.b.axle-tmp' => 31, '2-bob.txt' => 33, '.x' => 33] as $name => $days) {
            $files[$name] = "{$this->userdata}/balances/$name";
            file_put_contents($files[$name], '{"balance":1}');
            touch($files[$name], time() - $days * 86_400);
        }
        mkdir("{$this->userdata}/balances/.y.axle-tmp");
        touch("{$this->userdata}/balances/.y.axle-tmp", 1);
        // Now and then a change looks for them.
        for ($i = 0; $i < 400 && file_exists($files['.2-bob.txt.a.axle-tmp']); $i++) {
            $this->balances()->change('1-andy', 1, 'faucet');
            clearstatcache();
        }
        self::assertSame(
            ['.1-andy.txt.x.axle-tmp', '.2-bob.txt.b.axle-tmp', '.x', '.y.axle-tmp', '1-andy.txt', '2-bob.txt'],
            $this->names(),
        );
        // With its record went what the record could have been asked for: the key is as good as new.
        touch($temp, 1);
        touch(glob("{$this->userdata}/.axle/bridge/*/*")[0], time() - 32 * 86_400);
        LiveFile::sweep("{$this->userdata}/balances", time());
        self::assertFileDoesNotExist($temp);
        self::assertFalse($this->balances()->change('1-andy', 5, 'faucet', key: 'one')->isReplay);
    }

    public function testAFolderIsSweptALittleAtATime(): void
    {
        for ($i = 0; $i < 250; $i++) {
            touch("{$this->userdata}/balances/.$i.axle-tmp", 1);
        }
        LiveFile::sweep("{$this->userdata}/balances", time());
        self::assertCount(150, $this->names());
        LiveFile::sweep("{$this->userdata}/nowhere", time());
    }

    public function testAProcessThatIsKilledAtAnyMomentNeverPaysTwice(): void
    {
        $this->put('balances/1-andy', '{"balance":0}');
        $outcomes = ['paid by the dead' => 0, 'paid by the living' => 0];
        for ($round = 1; $round <= 120; $round++) {
            $child = $this->fork(fn () => $this->balances()->change('1-andy', 1, 'faucet', key: "key-$round"));
            usleep(random_int(0, 250 * $round));
            posix_kill($child, SIGKILL);
            $this->join($child);
            // The lock of the dead, ten seconds later: somebody has taken it over and released it.
            foreach (glob("{$this->userdata}/.axle/locks/*.lock") as $lock) {
                rmdir($lock);
            }
            try {
                $change = $this->balances()->change('1-andy', 1, 'faucet', key: "key-$round");
                $outcomes[$change->isReplay ? 'paid by the dead' : 'paid by the living']++;
            } catch (OutcomeUnknown) {
                // Killed between announcing that it asks the sidecar and finding nobody there: the sidecar will pay it.
            }
            self::assertSame((string) array_sum($outcomes), (string) $this->balances()->get('1-andy')->amount, "round $round");
        }
        self::assertGreaterThan(0, min($outcomes), (string) json_encode($outcomes));
    }

    public function testAProfileIsReadAndChangedInTheFile(): void
    {
        $profiles = new Profiles($this->config());
        self::assertNull($profiles->get('1-andy'));
        self::assertNull($profiles->patch('1-andy', ['bio' => 'x']));
        self::assertSame([], $this->names('profiles'), 'a profile was made up');
        $before = ['user_id' => '1-andy', 'avatar' => '👤', 'bio' => 'old', 'settings' => ['theme' => 'default', 'x' => 1]];
        $this->put('profiles/1-andy', (string) json_encode($before, JSON_PRETTY_PRINT));
        $after = $profiles->patch('1-andy', ['bio' => 'a/b', 'settings' => ['theme' => 'dark', 'x' => null], 'roles' => ['member']]);
        $expected = ['bio' => 'a/b', 'settings' => ['theme' => 'dark']] + $before + ['roles' => ['member']];
        self::assertEquals($expected, $after);
        $inOrder = array_replace($before, ['bio' => 'a/b', 'settings' => ['theme' => 'dark'], 'roles' => ['member']]);
        self::assertSame(json_encode($inOrder, JSON_PRETTY_PRINT), $this->text('profiles/1-andy'));
        self::assertSame('1-andy', $profiles->userNamed('andy'));
        $this->put('profiles/2-andy', '');
        self::assertNull($profiles->userNamed('andy'));
        $this->expectException(Unreadable::class);
        $profiles->get('2-andy');
    }

    private function journal(string $key, string $user = '1-andy'): Journal
    {
        $request = (string) json_encode([$user, ['amount' => '5', 'source' => 'faucet']]);
        return Journal::open("{$this->userdata}/.axle/bridge", $key, $request);
    }
}
