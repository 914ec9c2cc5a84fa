// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Code for an account that delegates to it by EIP-7702: many calls in one transaction.
contract Delegate {
    struct Call {
        address to;
        uint256 value;
        bytes data;
    }

    event Executed(address indexed account, uint256 calls);

    error NotOwner(address caller);

    function execute(Call[] calldata calls) external payable {
        if (msg.sender != address(this)) revert NotOwner(msg.sender);
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool ok,) = calls[i].to.call{value: calls[i].value}(calls[i].data);
            require(ok, "call failed");
        }
        emit Executed(address(this), calls.length);
    }

    function ping() external returns (address) {
        emit Executed(address(this), 0);
        return address(this);
    }

    receive() external payable {}
}
