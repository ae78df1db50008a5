// Package sweep plans a matrix of runs and sees it through. A plan is every
// combination of the axes' values, each several times, in random order from a
// seed. What has been measured is kept by a Folder, so that a sweep that was
// interrupted goes on where it was:
//
//	Plan -> for each place of the order: Folder.Look -> measure, unless it is there
package sweep
