<?php

/** GET ?user_id=: the balance. A user without a file has `balance` 0 and `known` false; a failed read is an error. */

declare(strict_types=1);

require __DIR__ . '/../autoload.php';

use Axle\Amount;
use Axle\Balances;
use Axle\Exception\BadInput;
use Axle\Http\Page;

Page::serve(['GET'], 'Could not read balance data', static function (Page $page): array {
    $user = Page::user(Page::query('user_id') ?? throw new BadInput('user_id parameter required'));
    $balance = (new Balances($page->config))->get($user);
    return [200, [
        'success' => true,
        'balance' => $balance->amount ?? Amount::zero(),
        'known' => $balance->amount !== null,
        'last_updated' => $balance->lastUpdated,
        'file_timestamp' => @filemtime($page->config->fileOf("balances/$user")) ?: null,
        'user_id' => $user,
    ]];
});
