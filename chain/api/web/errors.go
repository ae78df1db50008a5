package web

import (
	"errors"
	"fmt"
	"net/http"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// fault is an error as callers of HTTP see it. The codes are those of gRPC, and
// a few that only HTTP has.
type fault struct {
	status  int
	code    string
	message string
}

func (f *fault) Error() string { return f.message }

// GRPCStatus lets a fault pass through Chain.Do as it is.
func (f *fault) GRPCStatus() *status.Status { return status.New(codes.InvalidArgument, f.message) }

func badRequest(format string, args ...any) *fault {
	return &fault{http.StatusBadRequest, "invalid_argument", fmt.Sprintf(format, args...)}
}

func busy(format string, args ...any) *fault {
	return &fault{http.StatusServiceUnavailable, "busy", fmt.Sprintf(format, args...)}
}

// faults gives gRPC's codes their places in HTTP.
var faults = map[codes.Code]fault{
	codes.InvalidArgument:    {status: http.StatusBadRequest, code: "invalid_argument"},
	codes.OutOfRange:         {status: http.StatusBadRequest, code: "out_of_range"},
	codes.Unauthenticated:    {status: http.StatusUnauthorized, code: "unauthenticated"},
	codes.PermissionDenied:   {status: http.StatusForbidden, code: "permission_denied"},
	codes.NotFound:           {status: http.StatusNotFound, code: "not_found"},
	codes.FailedPrecondition: {status: http.StatusConflict, code: "failed_precondition"},
	codes.Aborted:            {status: http.StatusConflict, code: "aborted"},
	codes.ResourceExhausted:  {status: http.StatusTooManyRequests, code: "resource_exhausted"},
	codes.Unavailable:        {status: http.StatusServiceUnavailable, code: "unavailable"},
	codes.Canceled:           {status: http.StatusServiceUnavailable, code: "canceled"},
	codes.DeadlineExceeded:   {status: http.StatusGatewayTimeout, code: "deadline_exceeded"},
	codes.Unimplemented:      {status: http.StatusNotImplemented, code: "unimplemented"}, //nolint:misspell // gRPC's name
}

// toFault turns what a call returned into what the caller is told.
func toFault(err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	s, ok := status.FromError(err)
	if !ok {
		return &fault{http.StatusInternalServerError, "internal", err.Error()}
	}
	known, ok := faults[s.Code()]
	if !ok {
		known = fault{status: http.StatusInternalServerError, code: "internal"}
	}
	known.message = s.Message()
	return &known
}

// errorBody is the one shape of an error.
type errorBody struct {
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code    string `json:"code"    doc:"what went wrong, for programs: invalid_argument, unauthenticated, not_found, busy and so on"`
	Message string `json:"message" doc:"what went wrong, for people, with what is permitted"`
}

func writeFault(w http.ResponseWriter, f *fault) {
	switch {
	case f.status == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="chaindyno"`)
	case f.code == "busy":
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, f.status, errorBody{errorDetail{f.code, f.message}})
}
