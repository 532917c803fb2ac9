<?php

/** Copy to config.php beside this file, to /etc/axle/php-bridge.php, or name another in AXLE_BRIDGE_CONFIG. */

return [
    // This site's name, as in Axle's own configuration.
    'site' => 'roflfaucet',

    // The folder with balances/ and profiles/ in it.
    'userdata' => '/var/roflfaucet-data/userdata',

    // Where the sidecar listens: `unix:` and a path, or `http://127.0.0.1:8787`. Default: /run/axle/<site>/sidecar.sock
    'sidecar' => 'unix:/run/axle/roflfaucet/sidecar.sock',

    // A service token for the sidecar, readable for the web server's user only.
    'token_file' => '/etc/axle/php-bridge.token',

    // What is written straight to the file while the sidecar is away: `all`; `credits`, so that nobody spends what another
    // site has spent already; or `nothing`.
    'without_sidecar' => 'all',

    // Profiles are answered as {success, profile} (`profile`, roflfaucet) or {success, user} (`user`, clickforcharity).
    'envelope' => 'profile',

    // Who may write: `session` (the user for whom session-init.php opened the session) or `none` (whomever the request
    // names: anybody can then write anybody's balance).
    'identity' => 'session',

    // The auth server's secret: session-init.php then asks for its token. Without it, it takes everybody at their word.
    'jwt_secret_file' => '/etc/jwt-secret',

    // How long to wait for a connection, for an answer, and for all tries together, in milliseconds.
    'connect_ms' => 500,
    'answer_ms' => 2_500,
    'total_ms' => 6_000,
];
