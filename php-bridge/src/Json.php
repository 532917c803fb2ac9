<?php

declare(strict_types=1);

namespace Axle;

use Axle\Exception\Unreadable;

/**
 * JSON that comes out as it went in: key order, spelling of numbers and strings, indentation and last newline are kept.
 * `json_decode` would turn numbers into floats, `{}` into `[]`, and `1.0` into `1`.
 *
 * A node is a JsonObject, a list (PHP array) of nodes, or the raw text of a scalar (`"a\/b"`, `12.50`, `true`).
 */
final class Json
{
    private const DEPTH_MAX = 64;
    private const TOKEN = '/"(?:[^"\\\\]++|\\\\.)*+"|[\[\]{},:]|[^\s\[\]{},:"]++/s';

    /** @param string|null $indent what one level is indented by; null: all on one line */
    private function __construct(
        public JsonObject|array|string $root,
        private readonly ?string $indent,
        private readonly string $colon,
        private readonly string $comma,
        private readonly string $end,
        private readonly int $flags,
    ) {
    }

    /** Throws Unreadable where the text is no JSON (empty and torn files are none). */
    public static function parse(string $text): self
    {
        // Strict about syntax and UTF-8, so that what follows can be simple.
        json_decode($text, false, self::DEPTH_MAX);
        if (json_last_error() !== JSON_ERROR_NONE) {
            throw new Unreadable('not JSON: ' . json_last_error_msg());
        }
        preg_match_all(self::TOKEN, $text, $match);
        $position = 0;
        $root = self::build($match[0], $position);
        $isIndented = preg_match('/^\s*[\[{]\s*?\n([ \t]*)/', $text, $gap) === 1;
        $outside = (string) preg_replace('/"(?:[^"\\\\]++|\\\\.)*+"/s', '""', $text);
        // Where the text does not show one way or the other, PHP's habit is assumed.
        $unescapesSlash = str_contains($text, '/') && !str_contains($text, '\/');
        $unescapesUnicode = preg_match('/[^\x00-\x7f]/', $text) === 1 && !str_contains($text, '\u');
        return new self(
            $root,
            $isIndented ? $gap[1] : null,
            preg_match('/:\s/', $outside) === 1 || !str_contains($outside, ':') ? ': ' : ':',
            !$isIndented && preg_match('/,\s/', $outside) === 1 ? ', ' : ',',
            preg_match('/\s+$/D', $text, $tail) === 1 ? $tail[0] : '',
            ($unescapesSlash ? JSON_UNESCAPED_SLASHES : 0) | ($unescapesUnicode ? JSON_UNESCAPED_UNICODE : 0),
        );
    }

    /** An empty object in the style of PHP's JSON_PRETTY_PRINT. */
    public static function emptyObject(): self
    {
        return new self(new JsonObject(), '    ', ': ', ',', '', 0);
    }

    /** The raw text of a string or integer value, in this file's way of escaping. */
    public function scalar(string|int|Amount $value): string
    {
        return is_string($value) ? (string) json_encode($value, $this->flags | JSON_THROW_ON_ERROR) : (string) $value;
    }

    /** The node of a value as `json_decode` gives it (objects as stdClass). */
    public function node(mixed $value): JsonObject|array|string
    {
        if ($value instanceof \stdClass) {
            return new JsonObject(array_map($this->node(...), get_object_vars($value)));
        }
        return is_array($value) ? array_map($this->node(...), $value) : (string) json_encode($value, $this->flags | JSON_THROW_ON_ERROR);
    }

    public function text(): string
    {
        return $this->print($this->root, '') . $this->end;
    }

    /** The string in a scalar's raw text; null where it is no string. */
    public static function stringOf(JsonObject|array|string|null $node): ?string
    {
        return is_string($node) && $node[0] === '"' ? json_decode($node) : null;
    }

    /** @param list<string> $tokens */
    private static function build(array $tokens, int &$position): JsonObject|array|string
    {
        $token = $tokens[$position++];
        if ($token === '[') {
            $items = [];
            while ($tokens[$position] !== ']') {
                $items[] = self::build($tokens, $position);
                $position += $tokens[$position] === ',' ? 1 : 0;
            }
            $position++;
            return $items;
        }
        if ($token !== '{') {
            return $token;
        }
        $object = new JsonObject();
        while ($tokens[$position] !== '}') {
            $key = json_decode($tokens[$position]);
            $position += 2;
            $object->members[$key] = self::build($tokens, $position);
            $position += $tokens[$position] === ',' ? 1 : 0;
        }
        $position++;
        return $object;
    }

    private function print(JsonObject|array|string $node, string $gap): string
    {
        if (is_string($node)) {
            return $node;
        }
        [$open, $close] = is_array($node) ? ['[', ']'] : ['{', '}'];
        $inner = $gap . $this->indent;
        $parts = [];
        foreach (is_array($node) ? $node : $node->members as $key => $item) {
            $name = is_array($node) ? '' : $this->scalar((string) $key) . $this->colon;
            $parts[] = $name . $this->print($item, $inner);
        }
        if ($parts === [] || $this->indent === null) {
            return $open . implode($this->comma, $parts) . $close;
        }
        return "$open\n$inner" . implode(",\n$inner", $parts) . "\n$gap$close";
    }
}
