<?php

/** GET ?action=profile&user_id=; POST ?action=update_profile|update_level|update_stats. */

declare(strict_types=1);

require __DIR__ . '/../autoload.php';

use Axle\Http\Page;
use Axle\Http\SimpleProfile;

Page::serve(['GET', 'POST'], 'Failed to handle the profile', SimpleProfile::handle(...));
