<?php

/** Credits an amount to a user so many times, writing the file itself: config, user, count, amount. Nobody is at the sidecar's address. */

declare(strict_types=1);

require __DIR__ . '/../autoload.php';

[, $config, $user, $count, $amount] = $argv;
$balances = new Axle\Balances(new Axle\Config(require $config));
for ($i = 0; $i < (int) $count; $i++) {
    $balances->change($user, $amount, 'faucet');
}
