<?php

/** POST {user_id, net_change, source?, server_id?, description?, idempotency_key?, clamp?}: adds to or takes from a balance. */

declare(strict_types=1);

require __DIR__ . '/../autoload.php';

use Axle\Amount;
use Axle\Balances;
use Axle\Exception\BadInput;
use Axle\Http\Identity;
use Axle\Http\Page;
use Axle\Json;

Page::serve(['POST'], 'Failed to update balance', static function (Page $page): array {
    $raw = $page->raw('net_change') ?? throw new BadInput('Missing net_change');
    $amount = Amount::parse(trim(Json::stringOf($raw) ?? $raw)) ?? throw new BadInput('Invalid net_change');
    $writer = Identity::writer($page->config, $page->named());
    if ($writer === null && $page->config->identity === 'session') {
        return [401, ['success' => false, 'error' => 'Authentication required — please refresh the page']];
    }
    $user = Page::user($writer);
    $balances = new Balances($page->config);
    if ($amount->sign() === 0) {
        $balance = $balances->get($user)->amount ?? Amount::zero();
        [$previous, $at] = [$balance, time()];
    } else {
        $change = $balances->change(
            $user,
            $amount,
            Page::source($page->text('source')),
            Page::description($page->text('description')),
            $_SERVER['HTTP_IDEMPOTENCY_KEY'] ?? $page->text('idempotency_key'),
            // As the sites' own script does, unless the page says that it wants all or nothing.
            clamp: $page->raw('clamp') !== 'false',
        );
        [$amount, $balance, $previous, $at] = [$change->amount, $change->balance, $change->previous, $change->at];
    }
    return [200, [
        'success' => true,
        'balance' => $balance,
        'previous_balance' => $previous,
        'amount' => $amount,
        'net_change' => $amount,
        'timestamp' => $at,
        'user_id' => $user,
    ]];
});
