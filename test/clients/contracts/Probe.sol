// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Storage, logs, the block's fields and calls within calls, for reads, overrides and tracers.
contract Probe {
    uint256 public value; // slot 0
    mapping(address => uint256) public last; // slot 1

    event Changed(uint256 indexed from, uint256 indexed to, string note);

    function set(uint256 to) external {
        emit Changed(value, to, "set");
        value = to;
        last[msg.sender] = to;
    }

    function nest(uint256 depth) external returns (uint256) {
        if (depth == 0) return value;
        (bool ok,) = address(this).call(abi.encodeCall(this.nest, (depth - 1)));
        require(ok);
        return ++value;
    }

    function fail_inside() external returns (bool ok) {
        (ok,) = address(this).call(abi.encodeCall(this.fail, ()));
    }

    function fail() external pure {
        revert("inner");
    }

    function block_fields() external view returns (uint256, uint256, address, uint256, uint256) {
        return (block.number, block.timestamp, block.coinbase, block.basefee, block.chainid);
    }
}
