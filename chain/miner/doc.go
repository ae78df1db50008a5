// Package miner makes blocks: it waits for its pace, takes a template, seals
// it and hands the result on.
package miner
