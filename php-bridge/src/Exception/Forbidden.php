<?php

declare(strict_types=1);

namespace Axle\Exception;

/** A request with a user's session that this site's own pages would not make. */
final class Forbidden extends AxleException
{
}
