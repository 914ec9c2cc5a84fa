// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

interface Tokens {
    function balanceOf(address account) external view returns (uint256);
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

/// A market of two tokens whose product of reserves never falls; three thousandths of what comes in stay as a fee.
contract Pair {
    Tokens token0;
    Tokens token1;
    uint112 reserve0;
    uint112 reserve1;
    uint32 updated_at;
    uint256 unlocked;

    event Swap(address indexed sender, uint256 amount_in, uint256 amount_out, bool zero_for_one);
    event Sync(uint112 reserve0, uint112 reserve1);

    constructor(Tokens first, Tokens second) {
        token0 = first;
        token1 = second;
        unlocked = 1;
    }

    function swap(uint256 amount_in, uint256 amount_out_min, bool zero_for_one) external returns (uint256 amount_out) {
        require(unlocked == 1, "locked");
        unlocked = 2;
        (uint256 before_in, uint256 before_out) = zero_for_one ? (reserve0, reserve1) : (reserve1, reserve0);
        (Tokens token_in, Tokens token_out) = zero_for_one ? (token0, token1) : (token1, token0);

        uint256 charged = amount_in * 997;
        amount_out = (charged * before_out) / (before_in * 1000 + charged);
        require(amount_out >= amount_out_min && amount_out > 0, "too little");
        require(token_in.transferFrom(msg.sender, address(this), amount_in), "not paid");
        require(token_out.transfer(msg.sender, amount_out), "not given");

        uint256 after_in = token_in.balanceOf(address(this));
        uint256 after_out = token_out.balanceOf(address(this));
        require((after_in * 1000 - amount_in * 3) * after_out >= before_in * before_out * 1000, "product");
        (reserve0, reserve1) = zero_for_one
            ? (uint112(after_in), uint112(after_out))
            : (uint112(after_out), uint112(after_in));
        updated_at = uint32(block.timestamp);
        emit Sync(reserve0, reserve1);
        emit Swap(msg.sender, amount_in, amount_out, zero_for_one);
        unlocked = 1;
    }
}
