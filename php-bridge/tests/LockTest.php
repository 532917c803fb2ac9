<?php

declare(strict_types=1);

namespace Axle\Tests;

use Axle\Exception\NotWritten;
use Axle\Lock;

final class LockTest extends SiteTestCase
{
    private const DOCUMENT = 'balances/1-andy';

    public function testI5IsTheFolderOfTheFirstDigitOfTheNamesHash(): void
    {
        $digit = substr((string) shell_exec('printf %s ' . self::DOCUMENT . ' | sha256sum'), 0, 1);
        $lock = $this->take();
        self::assertSame(["$digit.lock"], $this->names('.axle/locks'));
        $lock->hold();
        $lock->release();
        self::assertSame([], $this->names('.axle/locks'));
    }

    public function testIsHeldByOneAtATime(): void
    {
        $lock = $this->take();
        try {
            $this->take(0.2);
            self::fail('two hold the lock');
        } catch (NotWritten $error) {
            self::assertStringContainsString('held', $error->getMessage());
        }
        $lock->hold();
    }

    public function testIsWaitedFor(): void
    {
        mkdir($this->folder());
        $other = $this->fork(function (): void {
            usleep(150_000);
            rmdir($this->folder());
        });
        $began = microtime(true);
        $this->take()->release();
        self::assertGreaterThan(0.1, microtime(true) - $began);
        $this->join($other);
    }

    public function testIsTakenOverFromTheDeadAndNotBefore(): void
    {
        mkdir($this->folder());
        $began = microtime(true);
        $lock = $this->take(2.0, 0.5);
        self::assertGreaterThan(0.5, microtime(true) - $began);
        $lock->hold();
        $lock->release();
        self::assertSame([], $this->names('.axle/locks'));
    }

    public function testIsNotTakenFromTheLivingHoweverOldAClockThatWasSetMakesIt(): void
    {
        mkdir($this->folder());
        touch($this->folder(), time() - 3600);
        $other = $this->fork(function (): void {
            for ($i = 1; $i <= 5; $i++) {
                usleep(200_000);
                touch($this->folder(), time() - 3600 + $i);
            }
            rmdir($this->folder());
        });
        $began = microtime(true);
        $this->take(5.0, 0.6)->release();
        self::assertGreaterThan(0.9, microtime(true) - $began);
        $this->join($other);
    }

    public function testOneOfManyTakesOverFromTheDead(): void
    {
        mkdir($this->folder());
        $log = "{$this->userdata}/log";
        $others = [];
        for ($i = 0; $i < 8; $i++) {
            $others[] = $this->fork(function () use ($log): void {
                $lock = $this->take(20.0, 1.0);
                file_put_contents($log, 'in ', FILE_APPEND);
                usleep(5_000);
                $lock->hold();
                file_put_contents($log, 'out ', FILE_APPEND);
                $lock->release();
            });
        }
        array_map($this->join(...), $others);
        self::assertSame(str_repeat('in out ', 8), file_get_contents($log));
        self::assertSame([], $this->names('.axle/locks'));
    }

    public function testItsHolderNoticesThatAnotherHasTakenIt(): void
    {
        $lock = $this->take();
        // What a writer does that found an old folder here a moment ago.
        rmdir($this->folder());
        mkdir($this->folder());
        try {
            $lock->hold();
            self::fail('not noticed');
        } catch (NotWritten $error) {
            self::assertStringContainsString('taken over', $error->getMessage());
        }
        $lock->release();
        self::assertCount(1, $this->names('.axle/locks'), "another's lock was released");
    }

    public function testWithoutAFolderOfLocksNothingIsWritten(): void
    {
        rmdir("{$this->userdata}/.axle/locks");
        $this->expectException(NotWritten::class);
        $this->take();
    }

    private function take(float $waitS = 20.0, float $staleS = Lock::STALE_S): Lock
    {
        return Lock::take("{$this->userdata}/.axle", self::DOCUMENT, $waitS, $staleS);
    }

    private function folder(): string
    {
        return "{$this->userdata}/.axle/locks/" . Lock::digit(self::DOCUMENT) . '.lock';
    }
}
