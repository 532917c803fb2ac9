<?php

/** POST {user_id, transactions: [{id, type, amount, source, description?, timestamp}]}: credits what a guest earned, once. */

declare(strict_types=1);

require __DIR__ . '/../autoload.php';

use Axle\Amount;
use Axle\Exception\BadInput;
use Axle\Http\Identity;
use Axle\Http\Page;

Page::serve(['POST'], 'Failed to claim', static function (Page $page): array {
    $writer = Identity::writer($page->config, $page->named());
    if ($writer === null && $page->config->identity === 'session') {
        return [401, ['success' => false, 'error' => 'Authentication required']];
    }
    $user = Page::user($writer);
    $transactions = $page->input()['transactions'] ?? null;
    if (!is_array($transactions) || !array_is_list($transactions)) {
        throw new BadInput('Missing transactions');
    }
    // The sidecar alone knows what has been claimed: while it is away, nothing is.
    $answer = $page->config->client()->ask('POST', '/v1/guests/' . rawurlencode($user) . '/claim', ['transactions' => $transactions]);
    return [200, [
        'success' => true,
        'claimed' => $answer['claimed'] ?? [],
        'skipped' => $answer['skipped'] ?? [],
        'balance' => Amount::parse((string) ($answer['balance'] ?? '')),
        'user_id' => $user,
    ]];
});
