// A ledger of accounts behind Shardcast's sidecar, with nothing but Go's standard library.
//
// The sidecar POSTs each request here, one of an account at a time, in order (C1), with what it knows in headers. So there are no
// locks around an account, and no transactions. Every replica uses the same folder.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

type app struct {
	ledger  *ledger
	journal *journal
}

func main() {
	ledger, err := openLedger(env("LEDGER_DIR", "ledger"), env("LEDGER_WORK_MS", "0"))
	if err != nil {
		log.Fatal(err)
	}
	a := &app{ledger: ledger, journal: &journal{path: os.Getenv("LEDGER_JOURNAL")}}
	mux := http.NewServeMux()
	mux.HandleFunc("/requests/", a.request)
	mux.HandleFunc("/broadcasts/interest", a.interest)
	mux.HandleFunc("/lanes/", a.lane)
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, struct{}{}) })

	listener, err := net.Listen("tcp", "127.0.0.1:"+env("PORT", "3000"))
	if err != nil {
		log.Fatal(err)
	}
	go leaveOnSignal()
	fmt.Printf("{\"msg\":\"listening\",\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, mux))
}

// The member leaves first; what it has begun is still served here meanwhile.
func leaveOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	<-signals
	if url := os.Getenv("SIDECAR_URL"); url != "" {
		if response, err := http.Post(url+"/drain", "", nil); err == nil {
			response.Body.Close()
		}
	}
	os.Exit(0)
}

// POST /requests/deposit, /withdraw, /balance
func (a *app) request(w http.ResponseWriter, r *http.Request) {
	request, err := requestOf(r)
	if err != nil {
		answer(w, 400, problem{"detail": err.Error()})
		return
	}
	switch request.Handler {
	case "deposit", "withdraw", "balance":
	default:
		answer(w, 404, problem{"detail": "there is no " + r.URL.Path})
		return
	}
	a.journal.write("start", request, 0)
	status, body := a.ledger.book(request)
	a.journal.write("end", request, status)
	if status == 503 {
		w.Header().Set("retry-after", "1")
	}
	answer(w, status, body)
}

// POST /broadcasts/interest, to every replica (C6)
func (a *app) interest(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Percent float64 `json:"percent"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		answer(w, 422, problem{"detail": "percent: must be a number"})
		return
	}
	member := r.Header.Get("shardcast-member")
	if err := a.ledger.write("interest-"+member+".json", body.Percent); err != nil {
		answer(w, 500, problem{"detail": err.Error()})
		return
	}
	a.journal.interest(r.Header.Get("shardcast-broadcast-id"), member, body.Percent)
	answer(w, 200, problem{"member": member, "percent": body.Percent})
}

// POST /lanes/{lane}/acquired, /released
func (a *app) lane(w http.ResponseWriter, r *http.Request) {
	lane, err := number(r, "shardcast-lane")
	token, err2 := number(r, "shardcast-fencing-token")
	if err != nil || err2 != nil {
		answer(w, 400, problem{"detail": "lane and fencing token must be there"})
		return
	}
	if strings.HasSuffix(r.URL.Path, "/acquired") {
		if err := a.ledger.fence(lane, token); err != nil {
			answer(w, 503, problem{"detail": err.Error()})
			return
		}
	}
	answer(w, 200, struct{}{})
}

type problem map[string]any

// What is no 2xx says why in `detail`, as in RFC 9457.
func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("content-type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func bodyOf(r *http.Request) ([]byte, error) { return io.ReadAll(r.Body) }
