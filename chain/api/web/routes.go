package web

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/chaindyno/chaindyno/chain/api/chainpb"
	"github.com/chaindyno/chaindyno/chain/ledger"
)

// route is one call. The table of routes is what requests are checked by, what
// serves them, and what the OpenAPI document is made from.
type route struct {
	method, path string
	name         string // operationId
	doc          string
	rpc          string // the gRPC method by whose rules the caller must be authorized
	params       []param
	body         []media // what may be sent; none: nothing is read
	reply        []any   // zero values of what may come back
	handle       func(*Server, *call) (any, error)
}

// media is a content type that a route takes, and a zero value of it.
type media struct {
	name  string
	value any
	most  int64 // bytes of a body
}

// param is a value in path or query.
type param struct {
	name, in, doc string
	schema        schema
	parse         func(string) (any, bool)
	permitted     string // in words
	def           any    // of one that may be left out; nil: it may not
}

// call is a request that has passed all checks.
type call struct {
	ctx       context.Context
	args      map[string]any
	mediaType string
	body      []byte // the callee's to keep
}

func number(c *call, name string) uint32 { return uint32(c.args[name].(uint64)) }

const (
	jsonType  = "application/json"
	bytesType = "application/octet-stream"

	// messageBytes bounds a message of gRPC; a body of bytes has the same bound,
	// and one of JSON what hexadecimal and quotes make of it.
	messageBytes = 2 << 20
	jsonBodyMax  = 2*messageBytes + 64<<10
)

// Bounds of lists.
const (
	idsMost     = 1000
	headersMost = 2000
	outputsMost = 10_000
)

func routes() []route {
	return []route{
		{method: "POST", path: "/v1/transactions", name: "submit", rpc: chainpb.Chain_SubmitBatch_FullMethodName,
			doc: "Offers one transaction or many and waits for the answer. A refused transaction is an answer with its kind, and no error. " +
				"The payload is one transaction's encoding; as application/octet-stream the body is one payload.",
			body:  []media{{jsonType, submission{}, jsonBodyMax}, {bytesType, nil, messageBytes}},
			reply: []any{answer{}, batchAnswer{}}, handle: (*Server).submit},
		{method: "GET", path: "/v1/transactions/{id}", name: "transaction", rpc: chainpb.Chain_Transaction_FullMethodName,
			doc:    "One transaction, in the pool or in a block of the best chain.",
			params: []param{hashParam("id", "of the transaction")}, reply: []any{transaction{}}, handle: (*Server).transaction},
		{method: "GET", path: "/v1/transactions/{id}/proof", name: "proof", rpc: chainpb.Chain_Proof_FullMethodName,
			doc:    "Shows to one who has headers that a transaction is in a block: hash ID and siblings upwards, and compare with merkle.",
			params: []param{hashParam("id", "of the transaction")}, reply: []any{proof{}}, handle: (*Server).proof},
		{method: "GET", path: "/v1/tip", name: "tip", rpc: chainpb.Chain_Tip_FullMethodName,
			doc: "The best block.", reply: []any{tip{}}, handle: (*Server).tip},
		{method: "GET", path: "/v1/blocks/{block}", name: "block", rpc: chainpb.Chain_Block_FullMethodName,
			doc:    "One block, by height on the best chain or by hash on any branch, and some of its transactions' IDs.",
			params: []param{blockParam(), rangeParam("offset", "first of the IDs", 0, ledger.MaxBlockTxs, 0), rangeParam("limit", "IDs at most", 1, idsMost, 100)},
			reply:  []any{block{}}, handle: (*Server).blockPage},
		{method: "GET", path: "/v1/headers", name: "headers", rpc: chainpb.Chain_Headers_FullMethodName,
			doc:    "Headers of the best chain, upwards; none past the tip.",
			params: []param{rangeParam("from", "height of the first", 0, 1<<32-1, 0), rangeParam("count", "headers at most", 1, headersMost, 100)},
			reply:  []any{headerList{}}, handle: (*Server).headerPage},
		{method: "GET", path: "/v1/keys/{key}/outputs", name: "outputs", rpc: chainpb.Chain_Outputs_FullMethodName,
			doc:    "What a key can spend, where the node keeps that index (index.key).",
			params: []param{keyParam(), rangeParam("limit", "outputs at most", 1, outputsMost, 1000)},
			reply:  []any{outputList{}}, handle: (*Server).outputs},
		{method: "GET", path: "/v1/info", name: "info", rpc: chainpb.Chain_Info_FullMethodName,
			doc: "Who the node is: identity, rules, limits and settings.", reply: []any{info{}}, handle: (*Server).info},
		{method: "GET", path: "/v1/stats", name: "stats", rpc: chainpb.Chain_Stats_FullMethodName,
			doc: "The node's counters, which grow from its start.", reply: []any{stats{}}, handle: (*Server).stats},
		{method: "GET", path: "/v1/peers", name: "peers", rpc: chainpb.Chain_Stats_FullMethodName,
			doc: "The nodes that this one is connected to.", reply: []any{peerList{}}, handle: (*Server).peerPage},
	}
}

func rangeParam(name, doc string, low, high, def uint64) param {
	return param{
		name: name, in: "query", doc: doc, def: def,
		schema:    schema{"type": "integer", "minimum": low, "maximum": high, "default": def},
		permitted: strconv.FormatUint(low, 10) + " to " + strconv.FormatUint(high, 10),
		parse: func(s string) (any, bool) {
			n, err := strconv.ParseUint(s, 10, 64)
			return n, err == nil && n >= low && n <= high
		},
	}
}

func hashParam(name, doc string) param {
	return param{
		name: name, in: "path", doc: doc, schema: hashSchema, permitted: "64 hexadecimal digits",
		parse: func(s string) (any, bool) {
			var h hash
			err := h.UnmarshalText([]byte(s))
			return ledger.Hash(h), err == nil
		},
	}
}

func keyParam() param {
	return param{
		name: "key", in: "path", doc: "hash of the key", permitted: "40 hexadecimal digits",
		schema: schema{"type": "string", "pattern": "^[0-9a-fA-F]{40}$"},
		parse: func(s string) (any, bool) {
			b, err := hex.DecodeString(s)
			return b, err == nil && len(b) == len(ledger.KeyHash{})
		},
	}
}

func blockParam() param {
	return param{
		name: "block", in: "path", doc: "height or hash", permitted: "a height of 0 to 4294967295, or a hash of 64 hexadecimal digits",
		schema: schema{"oneOf": []schema{{"type": "string", "pattern": "^[0-9]{1,10}$"}, hashSchema}},
		parse: func(s string) (any, bool) {
			if len(s) <= 10 {
				n, err := strconv.ParseUint(s, 10, 32)
				return &chainpb.BlockRequest{Which: &chainpb.BlockRequest_Height{Height: uint32(n)}}, err == nil
			}
			var h hash
			err := h.UnmarshalText([]byte(s))
			return &chainpb.BlockRequest{Which: &chainpb.BlockRequest_Hash{Hash: h[:]}}, err == nil
		},
	}
}

// mux serves the table. A path that is in it answers other methods with those
// that it has.
func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for _, rt := range s.routes {
		mux.HandleFunc(rt.method+" "+rt.path, s.serve(rt))
		methods[rt.path] = append(methods[rt.path], rt.method)
	}
	for _, path := range []string{"/ws", "/openapi.json"} {
		methods[path] = []string{http.MethodGet}
	}
	mux.HandleFunc("GET /ws", s.socket)
	mux.HandleFunc("GET /openapi.json", s.document)
	for path, list := range methods {
		allow := strings.Join(list, ", ")
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", allow)
			writeFault(w, &fault{http.StatusMethodNotAllowed, "method_not_allowed", r.Method + " is not for " + r.URL.Path + "; permitted: " + allow})
		})
	}
	mux.HandleFunc("/", unknownPath)
	for _, f := range s.files {
		mux.Handle("GET "+f.path, f)
	}
	return mux
}

func unknownPath(w http.ResponseWriter, r *http.Request) {
	writeFault(w, &fault{http.StatusNotFound, "not_found", "there is no " + r.URL.Path + "; /openapi.json lists what there is"})
}

// serve authorizes the caller before anything of the request is read, checks
// it against the route's table, and answers.
func (s *Server) serve(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var reply any
		err := s.chain.Do(identified(r.Context(), r.Header.Values("Authorization")), rt.rpc, func(ctx context.Context) error {
			c, release, err := s.parse(ctx, rt, w, r)
			if err != nil {
				return err
			}
			defer release()
			reply, err = rt.handle(s, c)
			return err
		})
		if err != nil {
			s.fail(w, err)
			return
		}
		writeJSON(w, http.StatusOK, reply)
	}
}

// fail answers with a fault, and counts callers that were turned away.
func (s *Server) fail(w http.ResponseWriter, err error) {
	if status.Code(err) == codes.Unauthenticated && s.events.Denied != nil {
		s.events.Denied("token")
	}
	writeFault(w, toFault(err))
}

// identified carries a caller's token to where gRPC looks for it.
func identified(ctx context.Context, authorization []string) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.MD{"authorization": authorization})
}

// parse checks a request. What is read of its body counts against the bound on
// all bodies until release.
func (s *Server) parse(ctx context.Context, rt route, w http.ResponseWriter, r *http.Request) (c *call, release func(), err error) {
	c = &call{ctx: ctx}
	if c.args, err = parseArgs(rt.params, r); err != nil {
		return nil, nil, err
	}
	if len(rt.body) == 0 {
		return c, func() {}, nil
	}
	m, err := mediaOf(rt.body, r.Header.Get("Content-Type"))
	if err != nil {
		return nil, nil, err
	}
	c.mediaType = m.name
	c.body, release, err = s.readBody(w, r, m.most)
	return c, release, err
}

func mediaOf(list []media, contentType string) (media, error) {
	name, _, err := mime.ParseMediaType(contentType)
	i := slices.IndexFunc(list, func(m media) bool { return m.name == name })
	if err != nil || i < 0 {
		var names []string
		for _, m := range list {
			names = append(names, m.name)
		}
		return media{}, &fault{http.StatusUnsupportedMediaType, "unsupported_media_type",
			"Content-Type " + strconv.Quote(contentType) + " is not read here; permitted: " + strings.Join(names, ", ")}
	}
	return list[i], nil
}

func parseArgs(params []param, r *http.Request) (map[string]any, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest("query: %v", err)
	}
	args := map[string]any{}
	var names []string
	for _, p := range params {
		text, given := r.PathValue(p.name), true
		if p.in == "query" {
			names = append(names, p.name)
			text, given = query.Get(p.name), query.Has(p.name)
			query.Del(p.name)
		}
		if !given {
			args[p.name] = p.def
			continue
		}
		v, ok := p.parse(text)
		if !ok {
			return nil, badRequest("%s: %q is not permitted; permitted: %s", p.name, text, p.permitted)
		}
		args[p.name] = v
	}
	for name := range query {
		return nil, badRequest("query: %q is not known here; permitted: %s", name, cmp.Or(strings.Join(names, ", "), "none"))
	}
	return args, nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status = http.StatusInternalServerError
		b, _ = json.Marshal(errorBody{errorDetail{"internal", err.Error()}}) // two strings always marshal
	}
	h := w.Header()
	h.Set("Content-Type", jsonType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(b)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the caller has gone: nobody to tell
}
