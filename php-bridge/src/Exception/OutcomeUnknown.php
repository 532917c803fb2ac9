<?php

declare(strict_types=1);

namespace Axle\Exception;

/** The request was sent and not answered: it may have happened. Only a retry with the same key is safe. */
final class OutcomeUnknown extends AxleException
{
}
