<?php

declare(strict_types=1);

namespace Axle\Http;

use Axle\Amount;
use Axle\Exception\BadInput;
use Axle\Profiles;

/** What simple-profile.php answers, in the envelope of either site. */
final class SimpleProfile
{
    private const FIELDS = [
        'username', 'display_name', 'avatar', 'email', 'bio', 'location', 'website', 'settings', 'public_profile',
    ];
    private const STATS = ['total_claims', 'total_games_played', 'total_won'];
    private const LEVEL_MAX = 12;

    /** @return array{int, array<string, mixed>} */
    public static function handle(Page $page): array
    {
        $action = Page::query('action');
        return match ("{$page->method} $action") {
            'GET profile' => self::profile($page),
            'POST update_profile' => self::update($page, self::fields($page->input()), 'Profile'),
            'POST update_level' => self::update($page, ['level' => self::level($page->input())], 'Level'),
            'POST update_stats' => self::update($page, self::increments($page), 'Stats'),
            default => [400, ['success' => false, 'error' => 'Invalid action']],
        };
    }

    private static function profile(Page $page): array
    {
        $named = Page::query('user_id');
        if ($named === null) {
            return [401, ['success' => false, 'error' => 'Authentication required - user_id parameter missing']];
        }
        $profiles = new Profiles($page->config);
        $user = Page::user(str_contains($named, '-') ? $named : $profiles->userNamed($named));
        $profile = $profiles->object($user);
        if ($page->config->envelope === 'profile') {
            // Pages of that site expect every field; what is missing is filled in here and never written.
            return [200, ['success' => true, 'profile' => (array) $profile + self::defaults($user)]];
        }
        return $profile === null ? self::unknown() : [200, ['success' => true, 'user' => $profile]];
    }

    /** @param array<string, mixed>|\Closure(\stdClass): array<string, mixed> $patch */
    private static function update(Page $page, array|\Closure $patch, string $what): array
    {
        $writer = Identity::writer($page->config, $page->named() ?? Page::query('user_id'));
        if ($writer === null) {
            return [401, ['success' => false, 'error' => 'Authentication required — please refresh the page']];
        }
        $user = Page::user($writer);
        $profiles = new Profiles($page->config);
        // The sidecar would begin a profile of these fields alone, which then passes for the user's.
        $known = $profiles->object($user);
        if ($known === null) {
            return self::unknown();
        }
        $changes = $patch instanceof \Closure ? $patch($known) : $patch;
        $profile = $profiles->patchObject($user, $changes + ['last_profile_update' => time()]);
        if ($profile === null) {
            return self::unknown();
        }
        $answer = match ($what) {
            'Level' => ['new_level' => $profile->level ?? null],
            'Stats' => ['stats' => $profile->stats ?? new \stdClass()],
            default => [$page->config->envelope => $profile],
        };
        return [200, ['success' => true, 'message' => "$what updated successfully"] + $answer];
    }

    /** Roles, level and stats are not for the user to write. */
    private static function fields(array $input): array
    {
        return array_intersect_key(array_filter($input, static fn (mixed $v): bool => $v !== null), array_flip(self::FIELDS));
    }

    private static function level(array $input): int
    {
        $level = filter_var($input['level'] ?? null, FILTER_VALIDATE_INT);
        return $level !== false && $level >= 1 && $level <= self::LEVEL_MAX
            ? $level
            : throw new BadInput('Invalid level (must be 1-' . self::LEVEL_MAX . ')');
    }

    /** @return \Closure(\stdClass): array<string, mixed> */
    private static function increments(Page $page): \Closure
    {
        $increments = [];
        foreach (self::STATS as $stat) {
            $raw = $page->raw($stat);
            $amount = $raw === null ? null : Amount::parse($raw) ?? throw new BadInput("Invalid $stat");
            if ($amount !== null && $amount->sign() > 0) {
                $increments[$stat] = $amount;
            }
        }
        return static function (\stdClass $profile) use ($increments): array {
            $known = (array) ($profile->stats ?? []);
            $stats = [];
            foreach ($increments as $stat => $increment) {
                $sum = Amount::of($known[$stat] ?? 0)->plus($increment);
                $stats[$stat] = json_decode((string) $sum);
            }
            return $stats === [] ? [] : ['stats' => $stats];
        };
    }

    private static function unknown(): array
    {
        return [404, ['success' => false, 'error' => 'User not found', 'message' => 'User does not exist in auth server']];
    }

    private static function defaults(string $user): array
    {
        return [
            'user_id' => $user,
            'level' => 1,
            'username' => '',
            'display_name' => '',
            'avatar' => '👤',
            'email' => '',
            'bio' => '',
            'location' => '',
            'website' => '',
            'joined_date' => time(),
            'settings' => ['notifications' => true, 'theme' => 'default'],
            'stats' => array_fill_keys(self::STATS, 0),
            'roles' => ['member'],
            'fundraiser_permissions' => [],
            'public_profile' => false,
            'last_profile_update' => time(),
        ];
    }
}
