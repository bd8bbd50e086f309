class Net(Module):
  def forward(self: __torch__.Net,
    x: Tensor) -> Tensor:
    y = torch.view(x, [-1, 784])
    z = torch.relu_(y)
    return x
