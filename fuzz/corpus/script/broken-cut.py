class Net(Module):
  def forward(self