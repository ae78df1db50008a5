package result

// The files of a run folder.
const (
	FileSummary      = "summary.json"
	FileSeries       = "timeseries.csv"
	FilePercentiles  = "percentiles.csv"
	FileBlocks       = "blocks.csv"
	FileTransactions = "transactions.csv.zst" // streamed while the run goes on
	FileErrors       = "errors.csv"
	FileWorkers      = "workers.csv"
	FileFairness     = "fairness.csv"
	FileFaults       = "faults.csv"
	FileLog          = "latency.hlog"
	FileHTML         = "report.html"
	FileManifest     = "manifest.json"
)

// RawHeader is the first line of transactions.csv.zst. Each further line is
// one sent transaction. Times are nanoseconds since the run's start, -1 where
// the event did not happen; included_ns is the first inclusion seen, held_ns
// the inclusion that held, so that
//
//	ack            = acked_ns - sent_ns
//	ack_response   = acked_ns - intended_ns
//	include        = included_ns - intended_ns
//	commit         = held_ns - intended_ns
//	commit_service = held_ns - sent_ns
//
// kind is the name of the transaction's kind; answer and fate are written as
// in Cell. No field holds a comma, a quote or a line break.
//
// Lines that begin with # are comments. One that begins with RawSampled,
// followed by a number, says that from there on one row in so many is written.
const RawHeader = "seq,lane,kind,intended_ns,sent_ns,acked_ns,included_ns,held_ns,height,answer,fate"

// RawSampled begins the comment that marks where sampling starts.
const RawSampled = "# sampled: one row in "
