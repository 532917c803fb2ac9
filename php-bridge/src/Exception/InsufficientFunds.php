<?php

declare(strict_types=1);

namespace Axle\Exception;

use Axle\Amount;

/** A debit beyond the balance: nothing has changed. */
final class InsufficientFunds extends AxleException
{
    public function __construct(public readonly Amount $balance)
    {
        parent::__construct("insufficient funds: there is $balance");
    }
}
