<?php

declare(strict_types=1);

namespace Axle;

/** An object of a JSON text: its members in file order. A member is a JsonObject, a list of nodes, or a scalar's raw text. */
final class JsonObject
{
    /** @param array<string|int, JsonObject|array|string> $members */
    public function __construct(public array $members = [])
    {
    }
}
