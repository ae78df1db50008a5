package stats

// Jain returns the fairness index of shares x(1..n) of a resource,
//
//	J = (sum x)^2 / (n sum x^2)
//
// which is 1 where all are equal and k/n where k have equal shares and the rest
// nothing: R. Jain, D. Chiu, W. Hawe, "A Quantitative Measure of Fairness and
// Discrimination for Resource Allocation in Shared Computer Systems", DEC
// Technical Report 301 (1984). It does not depend on the unit or the scale of
// x. Of nothing, or of zeros alone, it is 1: nobody is worse off.
func Jain(x []float64) float64 {
	var sum, squares float64
	for _, v := range x {
		sum += v
		squares += v * v
	}
	if squares == 0 {
		return 1
	}
	return sum * sum / (float64(len(x)) * squares)
}
