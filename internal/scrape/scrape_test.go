package scrape

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const page = `# HELP chaindyno_height Height of the tip.
# TYPE chaindyno_height gauge
chaindyno_height 12
chaindyno_rejected_total{kind="fee"} 3
chaindyno_rejected_total{kind="a b"} 4
chaindyno_rejected_totals 100
chaindyno_odd NaN
nothing

`

func TestRead(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			http.NotFound(w, r)
		}
		_, _ = w.Write([]byte(page))
	}))
	defer s.Close()
	got, err := Read(t.Context(), strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if got["chaindyno_height"] != 12 || got[`chaindyno_rejected_total{kind="a b"}`] != 4 || len(got) != 5 {
		t.Errorf("%v", got)
	}
	if sum := got.Sum("chaindyno_rejected_total"); sum != 7 {
		t.Errorf("sum %v", sum)
	}
	if sum := got.Sum("chaindyno_none"); sum != 0 {
		t.Errorf("sum of nothing %v", sum)
	}
}

func TestReadFails(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	if _, err := Read(t.Context(), strings.TrimPrefix(s.URL, "http://")); err == nil {
		t.Error("a page that is not there was read")
	}
	if _, err := Read(t.Context(), "127.0.0.1:1"); err == nil {
		t.Error("a node that is not there was read")
	}
}
