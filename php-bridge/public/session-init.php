<?php

/** POST {user_id, username, jwt?}: opens the PHP session that the writing endpoints look at. */

declare(strict_types=1);

require __DIR__ . '/../autoload.php';

use Axle\Http\Identity;
use Axle\Http\Page;

Page::serve(['POST'], 'Failed to open a session', static function (Page $page): array {
    $user = Page::user($page->text('user_id'));
    if ($page->config->jwtSecretFile === null) {
        error_log('axle: session-init takes everybody at their word: set jwt_secret_file');
    } elseif (!Identity::isProven($page->config, $user, $page->text('jwt'))) {
        return [401, ['success' => false, 'error' => 'Authentication required']];
    }
    Identity::open($user, $page->text('username') ?? '');
    return [200, ['success' => true]];
});
