<?php

declare(strict_types=1);

namespace Axle\Exception;

/** What the caller gave can never be carried out: a user name, an amount, a key. */
final class BadInput extends AxleException
{
}
