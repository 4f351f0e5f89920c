package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

const (
	largest    = int64(1)<<53 - 1
	remembered = 1000
)

// Accounts in files, one each, in a folder that all replicas share.
type ledger struct {
	dir  string
	work time.Duration
	lock sync.Mutex
}

type account struct {
	Balance int64 `json:"balance"`
	// Outcomes by request, oldest first.
	Done []outcome `json:"done"`
}

type outcome struct {
	ID      string `json:"id"`
	Cents   int64  `json:"cents"`
	Balance int64  `json:"balance"`
	Refused string `json:"refused,omitempty"`
}

// workMs is what a booking takes, so that one can watch.
func openLedger(dir, workMs string) (*ledger, error) {
	ms, err := strconv.Atoi(workMs)
	if err != nil {
		return nil, err
	}
	return &ledger{dir: dir, work: time.Duration(ms) * time.Millisecond}, os.MkdirAll(dir, 0o755)
}

// Refuses a replica that has lost the lane and does not know it yet (C2): a later owner has a greater token. A database would say
// UPDATE ... WHERE fence <= :token.
func (l *ledger) fence(lane, token int64) error {
	l.lock.Lock()
	defer l.lock.Unlock()
	newest := int64(-1)
	name := fmt.Sprintf("lane-%d.fence", lane)
	if err := l.read(name, &newest); err != nil {
		return err
	}
	if token < newest {
		return fmt.Errorf("lane %d has a later owner: %d, this one is %d", lane, newest, token)
	}
	if token == newest {
		return nil
	}
	return l.write(name, token)
}

// Books, or says why not. 503 for who has lost the lane: he must not end a request.
func (l *ledger) book(r *request) (int, any) {
	if err := l.fence(r.Lane, r.FencingToken); err != nil {
		return 503, problem{"detail": err.Error()}
	}
	if _, err := os.Stat(filepath.Join(l.dir, r.File+".audit")); err == nil {
		return 503, problem{"detail": "the account is under audit"}
	}
	var found account
	if err := l.read(r.File+".json", &found); err != nil {
		return 500, problem{"detail": err.Error()}
	}
	if r.Handler == "balance" {
		return 200, problem{"account": r.Key, "balance": found.Balance}
	}

	// Delivery is at least once. The outcome is stored in the same write as the money, under the request's id, and what is stored
	// already is only answered again; a refusal is an outcome too.
	known := found.outcomeOf(r.ID)
	if known == nil {
		cents, err := centsOf(r.Body)
		if err != nil {
			return 422, problem{"detail": err.Error()}
		}
		time.Sleep(l.work)
		decided := found.decide(r, cents)
		known = &decided
		found.Balance = decided.Balance
		found.Done = append(found.Done, decided)
		if len(found.Done) > remembered {
			found.Done = found.Done[len(found.Done)-remembered:]
		}
		if err := l.write(r.File+".json", found); err != nil {
			return 500, problem{"detail": err.Error()}
		}
	}
	if known.Refused != "" {
		return 409, problem{"detail": known.Refused, "balance": known.Balance, "cents": known.Cents}
	}
	return 200, problem{"account": r.Key, "cents": known.Cents, "balance": known.Balance}
}

func (a *account) outcomeOf(id string) *outcome {
	for i := range a.Done {
		if a.Done[i].ID == id {
			return &a.Done[i]
		}
	}
	return nil
}

func (a *account) decide(r *request, cents int64) outcome {
	after := a.Balance + cents
	if r.Handler == "withdraw" {
		after = a.Balance - cents
	}
	kept := outcome{ID: r.ID, Cents: cents, Balance: a.Balance}
	switch {
	case after < 0:
		kept.Refused = fmt.Sprintf("insufficient funds: the balance is %d cents, %d were asked for", a.Balance, cents)
	case after > largest:
		kept.Refused = "balance limit"
	default:
		kept.Balance = after
	}
	return kept
}

func centsOf(body []byte) (int64, error) {
	var asked struct {
		Cents int64 `json:"cents"`
	}
	if err := json.Unmarshal(body, &asked); err != nil || asked.Cents <= 0 || asked.Cents > largest {
		return 0, errors.New("cents: must be a positive whole number")
	}
	return asked.Cents, nil
}

// Leaves the value as it is where there is no file.
func (l *ledger) read(name string, value any) error {
	text, err := os.ReadFile(filepath.Join(l.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, value)
}

// Whole or not at all, also when the process dies half-way.
func (l *ledger) write(name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(l.dir, name+".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), filepath.Join(l.dir, name))
}
