package refchain

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/chaindyno/chaindyno/chain/api/client"
)

// askFor bounds a question to one of several nodes, so that one that stands
// still does not hold up the others. A single node gets the client's own time.
const askFor = 2 * time.Second

// ask puts a question to a node of a network.
func ask[T any](ctx context.Context, nodes []*client.Client, c *client.Client, question func(*client.Client, context.Context) (T, error)) (T, error) {
	if len(nodes) == 1 {
		return question(c, ctx)
	}
	limited, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	return question(c, limited)
}

// first returns the answer of the first node that gives one. What a node
// refuses to all, such as a block that does not exist, is the first one's error.
func first[T any](ctx context.Context, nodes []*client.Client, question func(*client.Client, context.Context) (T, error)) (answer T, err error) {
	var errs []error
	for _, c := range nodes {
		if answer, err = ask(ctx, nodes, c, question); err == nil {
			return answer, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return answer, errors.Join(errs...)
}

// all puts a question to all nodes at once and returns each one's answer or
// error. Only ctx bounds it.
func all[T any](ctx context.Context, nodes []*client.Client, question func(*client.Client, context.Context) (T, error)) ([]T, []error) {
	answers, errs := make([]T, len(nodes)), make([]error, len(nodes))
	var asking sync.WaitGroup
	for i, c := range nodes {
		asking.Go(func() { answers[i], errs[i] = question(c, ctx) })
	}
	asking.Wait()
	return answers, errs
}

// each is all without the nodes that do not answer in time; an error where
// none does.
func each[T any](ctx context.Context, nodes []*client.Client, question func(*client.Client, context.Context) (T, error)) ([]T, error) {
	answers, errs := all(ctx, nodes, func(c *client.Client, ctx context.Context) (T, error) { return ask(ctx, nodes, c, question) })
	var given []T
	for i, err := range errs {
		if err == nil {
			given = append(given, answers[i])
		}
	}
	if len(given) == 0 {
		return nil, errors.Join(errs...)
	}
	return given, nil
}

// answering returns the first node that answers.
func (d *Driver) answering(ctx context.Context) (*client.Client, error) {
	if len(d.nodes) == 1 {
		return d.nodes[0], nil
	}
	return first(ctx, d.nodes, func(c *client.Client, ctx context.Context) (*client.Client, error) {
		_, _, err := c.Tip(ctx)
		return c, err
	})
}

// info is that of the first node that answers, with the interval at which all
// miners together make blocks: their rates add up.
func (d *Driver) info(ctx context.Context) (client.Info, error) {
	infos, err := each(ctx, d.nodes, (*client.Client).Info)
	if err != nil {
		return client.Info{}, err
	}
	info, rate := infos[0], 0.0
	for _, i := range infos {
		if i.Interval > 0 {
			rate += 1 / i.Interval.Seconds()
		}
	}
	if rate > 0 && info.Params.FixedDifficulty {
		info.Interval = time.Duration(float64(time.Second) / rate)
	}
	return info, nil
}
