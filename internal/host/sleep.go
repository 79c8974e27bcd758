package host

import (
	"context"
	"time"
)

// Sleep waits between two looks at something that takes its time; false when ctx has
// ended.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
