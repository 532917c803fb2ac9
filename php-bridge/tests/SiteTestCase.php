<?php

declare(strict_types=1);

namespace Axle\Tests;

use Axle\Balances;
use Axle\BalanceText;
use Axle\Config;
use PHPUnit\Framework\TestCase;

/** A site's folder of its own for each test, with nobody at the sidecar's address. */
abstract class SiteTestCase extends TestCase
{
    protected string $userdata;

    protected function setUp(): void
    {
        $this->userdata = sys_get_temp_dir() . '/axle-php-' . bin2hex(random_bytes(6));
        foreach (['balances', 'profiles', '.axle/locks'] as $folder) {
            mkdir("{$this->userdata}/$folder", 0755, true);
        }
    }

    protected function tearDown(): void
    {
        exec('rm -rf ' . escapeshellarg($this->userdata));
    }

    /** @param array<string, mixed> $over */
    protected function config(array $over = []): Config
    {
        return new Config($over + [
            'site' => 'roflfaucet',
            'userdata' => $this->userdata,
            'sidecar' => "unix:{$this->userdata}/nobody.sock",
        ]);
    }

    protected function balances(array $over = []): Balances
    {
        return new Balances($this->config($over));
    }

    protected function put(string $document, string $text): string
    {
        $file = "{$this->userdata}/$document.txt";
        file_put_contents($file, $text);
        return $file;
    }

    protected function text(string $document): string
    {
        return (string) file_get_contents("{$this->userdata}/$document.txt");
    }

    /** The amount that a user's file shows. */
    protected function amount(string $user = '1-andy'): string
    {
        return (string) BalanceText::parse($this->text("balances/$user"))->balance();
    }

    /** Everything in the folder of a kind, temp files included. @return list<string> */
    protected function names(string $kind = 'balances'): array
    {
        return array_values(array_diff(scandir("{$this->userdata}/$kind"), ['.', '..']));
    }

    /** Runs `$work` in a process of its own, which ends without PHPUnit's notice. */
    protected function fork(callable $work): int
    {
        $pid = pcntl_fork();
        if ($pid === 0) {
            try {
                $work();
            } finally {
                posix_kill(posix_getpid(), SIGKILL);
            }
        }
        return $pid;
    }

    protected function join(int $pid): void
    {
        pcntl_waitpid($pid, $status);
    }
}
