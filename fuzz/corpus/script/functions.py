op_version_set = 1
def act(x: Tensor,
    slope: float=0.2) -> Tensor:
  return torch.leaky_relu(x, slope)
class Net(Module):
  def forward(self: __torch__.Net,
    x: Tensor) -> Tensor:
    return __torch__.act(getattr(self, "m").f(x, ), slope=0.1)
  def f(self: __torch__.Net,
    x: Tensor) -> Tensor:
    return torch.gelu(x, approximate="tanh")
