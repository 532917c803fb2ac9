<?php

declare(strict_types=1);

namespace Axle;

use Axle\Exception\BadInput;
use Axle\Exception\NotReached;
use Axle\Exception\OutcomeUnknown;
use Axle\Exception\Refused;
use Axle\Exception\Unreadable;

/** Reads and changes profiles: through the sidecar, and where that is away, in the file itself under the shared lock. */
final class Profiles
{
    private readonly Sidecar $sidecar;

    public function __construct(private readonly Config $config)
    {
        $this->sidecar = $config->client();
    }

    /**
     * The profile; null where no such user is known here. Throws Unreadable and BadInput.
     *
     * @return array<string, mixed>|null
     */
    public function get(string $user): ?array
    {
        return self::arrays($this->object($user));
    }

    /** As `get`, with objects as objects: an empty one is no list. */
    public function object(string $user): ?\stdClass
    {
        UserName::check($user);
        try {
            $answer = $this->sidecar->ask('GET', $this->pathOf($user));
            return self::profileIn($answer) ?? $this->fromFile($user);
        } catch (Refused $error) {
            return $error->status === 404 && $error->reason === 'not_found' ? null : $this->fromFile($user);
        } catch (NotReached | OutcomeUnknown) {
            return $this->fromFile($user);
        }
    }

    /**
     * Changes a profile by a JSON merge patch (RFC 7396: null removes a key) and returns it; null where there is none, and
     * none is made: the sidecar may begin one instead. Throws as `Balances::change`.
     *
     * @param array<string, mixed> $patch
     * @return array<string, mixed>|null
     */
    public function patch(string $user, array $patch): ?array
    {
        return self::arrays($this->patchObject($user, $patch));
    }

    /**
     * As `patch`, with objects as objects.
     *
     * @param array<string, mixed> $patch
     */
    public function patchObject(string $user, array $patch): ?\stdClass
    {
        UserName::check($user);
        // Also turns what callers wrote as arrays into objects and lists, once and for both ways.
        $text = json_encode((object) $patch) ?: throw new BadInput('this patch is no JSON');
        try {
            $answer = $this->sidecar->ask('PATCH', $this->pathOf($user), (object) $patch);
            return self::profileIn($answer) ?? throw new OutcomeUnknown('the sidecar answered something else');
        } catch (Refused $error) {
            return $error->status === 404 && $error->reason === 'not_found' ? null : throw $error;
        } catch (NotReached $error) {
            if ($this->config->withoutSidecar === 'nothing') {
                throw $error;
            }
            return $this->patchFile($user, json_decode($text));
        }
    }

    /** The user whose name (what follows the first dash) this is; null where there is none or more than one. Throws Unreadable. */
    public function userNamed(string $name): ?string
    {
        UserName::check($name);
        $folder = "{$this->config->userdata}/profiles";
        $files = @scandir($folder) ?: throw new Unreadable("$folder cannot be read");
        $files = array_values(preg_grep('/^[^.-]+-' . preg_quote($name, '/') . '\.txt$/D', $files));
        return count($files) === 1 ? basename($files[0], '.txt') : null;
    }

    private function pathOf(string $user): string
    {
        return '/v1/profiles/' . rawurlencode($user);
    }

    private function fromFile(string $user): ?\stdClass
    {
        return LiveFile::read($this->config->fileOf("profiles/$user"), self::decoded(...))->content;
    }

    private function patchFile(string $user, \stdClass $patch): ?\stdClass
    {
        return (new FileChange($this->config, "profiles/$user"))->run(
            static fn (string $text): Json => Json::parse($text),
            static function (?Json $json) use ($patch): array {
                if ($json === null) {
                    return [null, null];
                }
                $before = $json->text();
                $json->root = self::merged($json, $json->root, $patch);
                $text = $json->text();
                return [$text === $before ? null : $text, self::decoded($text)];
            },
        );
    }

    private static function merged(Json $json, JsonObject|array|string|null $target, mixed $patch): JsonObject|array|string
    {
        if (!$patch instanceof \stdClass) {
            return $json->node($patch);
        }
        $merged = $target instanceof JsonObject ? $target : new JsonObject();
        foreach (get_object_vars($patch) as $key => $value) {
            if ($value === null) {
                unset($merged->members[$key]);
            } else {
                $merged->members[$key] = self::merged($json, $merged->members[$key] ?? null, $value);
            }
        }
        return $merged;
    }

    private static function decoded(string $text): \stdClass
    {
        $value = json_decode($text, false, 64);
        return $value instanceof \stdClass ? $value : throw new Unreadable('not a JSON object');
    }

    /** @param array<string, mixed> $answer the sidecar's */
    private static function profileIn(array $answer): ?\stdClass
    {
        return ($answer['profile'] ?? null) instanceof \stdClass ? $answer['profile'] : null;
    }

    /** @return array<string, mixed>|null */
    private static function arrays(?\stdClass $profile): ?array
    {
        return $profile === null ? null : json_decode(json_encode($profile, JSON_THROW_ON_ERROR), true);
    }
}
