// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Vm, vm} from "./Vm.sol";

/// The server's state as forge sees it through a fork.
contract ForkTest {
    IERC20 private token = IERC20(vm.envAddress("TOKEN"));
    address private alice = vm.envAddress("ALICE");
    address private bob = vm.envAddress("BOB");

    function test_reads_balances() external view {
        require(block.chainid == 31337, "chain id");
        require(token.balanceOf(alice) == 993, "alice");
        require(token.balanceOf(bob) == 7, "bob");
    }

    function test_moves_tokens_in_the_fork() external {
        vm.prank(alice);
        require(token.transfer(bob, 3));
        require(token.balanceOf(bob) == 10, "bob");
    }

    function test_expects_the_custom_error() external {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, bob, 7, 8));
        vm.prank(bob);
        token.transfer(alice, 8);
    }

    function test_reads_events() external {
        bytes32[] memory topics = new bytes32[](1);
        topics[0] = IERC20.Transfer.selector;
        Vm.EthGetLogs[] memory logs = vm.eth_getLogs(0, block.number, address(token), topics);
        require(logs.length == 2, "two transfers: the mint and ours");
        require(abi.decode(logs[1].data, (uint256)) == 7, "value");
    }

    function test_rolls_to_before_the_token() external {
        vm.rollFork(vm.envUint("BLOCK_BEFORE"));
        require(address(token).code.length == 0, "no code yet");
    }
}
