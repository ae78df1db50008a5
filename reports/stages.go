package reports

import "github.com/chaindyno/chaindyno/reports/result"

// stageMeaning says what each stage is, from where to where.
var stageMeaning = map[string]struct{ short, long string }{
	result.StageDispatchLag:   {"intended → dispatched", "how late the generator handed a transaction to its sender: the generator's own fault"},
	result.StageSendWait:      {"dispatched → sent", "waiting for a batch to fill, or for the system, which pushed back"},
	result.StageAck:           {"sent → acked", "service time of the answer"},
	result.StageAckResponse:   {"intended → acked", "what a user waits for the answer"},
	result.StageInclude:       {"intended → first block", "first inclusion seen; provisional, since a block can be abandoned"},
	result.StageCommit:        {"intended → block that held", "the headline: what a user waits for the inclusion that lasted"},
	result.StageCommitService: {"sent → block that held", "the same from the moment of sending, as closed tools measure it"},
	result.StageFinal:         {"intended → confirmed", "until the inclusion was buried under the confirmations asked for"},
	result.StageNodeVerify:    {"received → verified", "inside the node: queue, decoding, signatures"},
	result.StageNodeOrder:     {"verified → ordered", "inside the node: conflicts and order in the pool"},
	result.StageNodeSeal:      {"ordered → sealed", "inside the node: waiting for a block and its seal"},
	result.StageNodeStore:     {"sealed → committed", "inside the node: rules, output set, disk"},
}
