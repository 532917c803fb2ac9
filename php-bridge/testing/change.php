<?php

/**
 * Makes changes so many times, writing the files itself: config, count, `user:amount` … A debit that is refused is named.
 * Nobody is at the sidecar's address.
 */

declare(strict_types=1);

require __DIR__ . '/../autoload.php';

[, $config, $count] = $argv;
$balances = new Axle\Balances(new Axle\Config(require $config));
for ($i = 0; $i < (int) $count; $i++) {
    foreach (array_slice($argv, 3) as $change) {
        [$user, $amount] = explode(':', $change);
        try {
            $balances->change($user, $amount, 'faucet');
        } catch (Axle\Exception\InsufficientFunds) {
            echo "refused $change\n";
        }
    }
}
