// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Delegate} from "../contracts/Delegate.sol";
import {Token} from "../contracts/Token.sol";
import {vm} from "./Vm.sol";

/// One broadcast of every kind of transaction that a forge script can send.
contract Client {
    function run() external {
        uint256 key = vm.envUint("ALICE_KEY");
        address alice = vm.addr(key);

        vm.startBroadcast(key);
        Token token = new Token(1000);
        token.transfer(vm.envAddress("BOB"), 7);
        Delegate delegate = new Delegate();
        // Forge makes no access lists, but carries a transaction that has one.
        vm.broadcastRawTransaction(vm.envBytes("RAW_2930"));
        vm.signAndAttachDelegation(address(delegate), key);
        Delegate(payable(alice)).ping();
        vm.stopBroadcast();
    }
}
