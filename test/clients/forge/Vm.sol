// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// The cheatcodes that these files use, in place of forge-std, which npm does not have.
interface Vm {
    struct SignedDelegation {
        uint8 v;
        bytes32 r;
        bytes32 s;
        uint64 nonce;
        address implementation;
    }

    struct EthGetLogs {
        address emitter;
        bytes32[] topics;
        bytes data;
        bytes32 blockHash;
        uint64 blockNumber;
        bytes32 transactionHash;
        uint64 transactionIndex;
        uint256 logIndex;
        bool removed;
    }

    function envAddress(string calldata name) external view returns (address);
    function envBytes(string calldata name) external view returns (bytes memory);
    function envUint(string calldata name) external view returns (uint256);
    function addr(uint256 key) external pure returns (address);
    function startBroadcast(uint256 key) external;
    function stopBroadcast() external;
    function broadcastRawTransaction(bytes calldata raw) external;
    function signAndAttachDelegation(address implementation, uint256 key) external returns (SignedDelegation memory);
    function expectRevert(bytes calldata data) external;
    function prank(address sender) external;
    function rollFork(uint256 block_number) external;
    function eth_getLogs(uint256 from, uint256 to, address target, bytes32[] calldata topics)
        external
        returns (EthGetLogs[] memory);
    function rpc(string calldata method, string calldata params) external returns (bytes memory);
}

Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
