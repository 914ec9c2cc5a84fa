// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Every way in which a call can fail.
contract Faults {
    error Refused(uint256 code, string why);

    uint256[] private items;

    function text() external pure {
        revert("out of luck");
    }

    function custom(uint256 code) external pure {
        revert Refused(code, "because");
    }

    function silent() external pure {
        assembly {
            revert(0, 0)
        }
    }

    function overflow(uint256 x) external pure returns (uint256) {
        return x + type(uint256).max;
    }

    function divide(uint256 x) external pure returns (uint256) {
        return 1 / x;
    }

    function index(uint256 x) external view returns (uint256) {
        return items[x];
    }

    function invalid() external pure {
        assembly {
            invalid()
        }
    }

    function spin() external pure {
        while (true) {}
    }
}
